public import BlockDevices
import GPT

/// The host's disk as the update engine sees it: what it may write, and nothing else.
///
/// Writable are the inactive slot's two partitions, the ESP and the two copies of the partition table. A write to
/// anything else is refused, whoever asks for it.
public struct SlotDisk: Sendable {
    /// The guarded disk.
    public let device: any BlockDevice
    /// Its slots.
    public let slots: SlotTable
    /// The EFI system partition.
    public let esp: any BlockDevice
    /// The active slot's root partition, to read from: raw, not through dm-verity.
    public let activeRoot: any BlockDevice
    /// The active slot's hash tree, raw as well.
    let activeVerity: any BlockDevice
    /// The inactive slot's root partition.
    public let inactiveRoot: any BlockDevice
    /// The inactive slot's hash tree.
    let inactiveVerity: any BlockDevice

    /// Guards a disk whose slots are known.
    ///
    /// - Throws: `SlotError.layout` if a partition leaves the disk, `.table` if the table cannot be written.
    public init(_ disk: any BlockDevice, slots: SlotTable) throws(SlotError) {
        let writable = [slots.esp, slots.inactive.root, slots.inactive.verity].map { $0.offset..<$0.end }
        let tableRanges: [Range<UInt64>]
        do throws(GPTError) { tableRanges = try TableWriter.ranges(of: slots.table) } catch {
            throw .table(device: disk.name, error)
        }
        let guarded = GuardedDevice(disk, writable: tableRanges + writable)
        device = guarded
        self.slots = slots
        do throws(BlockDeviceError) {
            func part(_ partition: Partition, _ what: String) throws(BlockDeviceError) -> any BlockDevice {
                let name = "\(disk.name) partition \(partition.number) (\(what))"
                return try guarded.slice(at: partition.offset, size: partition.size, name: name)
            }
            esp = try part(slots.esp, "ESP")
            activeRoot = try part(slots.active.root, "active root")
            activeVerity = try part(slots.active.verity, "active hash tree")
            inactiveRoot = try part(slots.inactive.root, "inactive root")
            inactiveVerity = try part(slots.inactive.verity, "inactive hash tree")
        } catch {
            throw .layout(device: disk.name, reason: error.description)
        }
    }
}
