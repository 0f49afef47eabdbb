import BlockDevices
import GPT
import Synchronization
import UpdateEngine

/// The disk of the running root, whose ESP nobody else mounts or holds as long as this lives.
final class HeldDisk: BlockDevice {
    private let disk: FileBlockDevice
    private let hold: DeviceHold?

    var name: String { disk.name }
    var byteCount: UInt64 { disk.byteCount }

    init(_ disk: FileBlockDevice, _ hold: DeviceHold?) {
        self.disk = disk
        self.hold = hold
    }

    func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(BlockDeviceError) {
        try disk.read(at: offset, into: buffer)
    }

    func readMedium(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(BlockDeviceError) {
        try disk.readMedium(at: offset, into: buffer)
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(BlockDeviceError) {
        try disk.write(bytes, at: offset)
    }

    func flush() throws(BlockDeviceError) { try disk.flush() }
}

/// Holds the ESP, once for all that use the disk at a time: a second hold, even of the same program, would be refused.
final class ESPHolder: Sendable {
    private struct State {
        weak var hold: DeviceHold?
    }

    private let state = Mutex(State())

    /// Holds the ESP of a disk; nil if it has none, which is told by who looks for its slots.
    func hold(_ disk: RootDisk, _ device: FileBlockDevice) throws -> DeviceHold? {
        try state.withLock { state in
            if let hold = state.hold { return hold }
            let table = try? PartitionTable.parse(device.source, sectorSize: disk.sectorSize).table
            guard let esp = table?.partitions.first(where: { $0.type == .esp }) else { return nil }
            let hold = try DeviceHold(path: disk.path(ofPartition: esp.number))
            state.hold = hold
            return hold
        }
    }
}
