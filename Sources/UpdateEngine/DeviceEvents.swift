import Glibc

/// Tells the system that the names of partitions changed, while the disk is in use.
///
/// The kernel cannot read the table of a mounted disk again (`BLKRRPART` fails with EBUSY), and need not: places and
/// sizes are as before. What must learn of new labels and PARTUUIDs is udev, which probes a partition again after a
/// "change" event; such an event follows a write of that word to the device's `uevent` file (`udevadm trigger`). The
/// next boot needs none of it.
public enum DeviceEvents {
    /// Asks for a "change" event of partitions of a disk.
    ///
    /// - Parameters:
    ///   - disk: The kernel's name of the disk: `vda`.
    ///   - partitions: The numbers of the partitions.
    /// - Returns: What went wrong, a sentence each; the links under `/dev/disk` then stay old until the next boot.
    public static func changed(disk: String, partitions: [Int], sysfs: String = "/sys") -> [String] {
        var problems: [String] = []
        for number in partitions {
            let path = "\(sysfs)/class/block/\(RootDisk.name(ofPartition: number, of: disk))/uevent"
            let descriptor = open(path, O_WRONLY | O_CLOEXEC)
            let word = Array("change".utf8)
            if descriptor < 0 || write(descriptor, word, word.count) != word.count {
                let reason = strerror(errno).map { String(cString: $0) } ?? "error \(errno)"
                problems.append(
                    "udev could not be told through '\(path)' that partition names changed: \(reason)"
                )
            }
            if descriptor >= 0 { close(descriptor) }
        }
        return problems
    }
}
