public import GPT
import Glibc

/// The disk that the running root comes from, followed through the kernel's device tree.
///
/// Labels and PARTUUIDs are no way to find it: a second disk with the same image has the same. The root's block device
/// (a dm-verity target) names the partitions that it is made of, and these name their disk.
public struct RootDisk: Sendable, Equatable {
    /// The kernel's name: `vda`.
    public let name: String
    /// The numbers of the partitions that the root is made of, ascending: file system and hash tree.
    public let partitions: [Int]
    /// The logical sector size.
    public let sectorSize: SectorSize

    /// The disk's device node.
    public var path: String { "/dev/" + name.split(separator: "!").joined(separator: "/") }

    /// The device node of a partition: of the ESP, for `DeviceHold`.
    public func path(ofPartition number: Int) -> String { Self.name(ofPartition: number, of: path) }

    /// A partition's name: nvme0n1p4, mmcblk0p4, but vda4.
    static func name(ofPartition number: Int, of disk: String) -> String {
        "\(disk)\(disk.last?.isNumber == true ? "p" : "")\(number)"
    }

    /// Finds the disk of the root that is mounted at a path.
    ///
    /// - Throws: `SlotError.noRootDisk`.
    public static func running(root: String = "/", sysfs: String = "/sys") throws(SlotError) -> RootDisk {
        var status = stat()
        guard stat(root, &status) == 0 else {
            throw .noRootDisk(reason: "'\(root)' cannot be examined: \(text(errno))")
        }
        let device = UInt64(status.st_dev)
        // makedev(3) of glibc: the numbers are split over the 64 bits.
        let major = (device >> 8 & 0xfff) | (device >> 32 & 0xffff_f000)
        let minor = (device & 0xff) | (device >> 12 & 0xffff_ff00)
        return try find(device: "\(major):\(minor)", sysfs: sysfs)
    }

    /// Finds the disk of a block device by its numbers, `MAJOR:MINOR`.
    ///
    /// - Throws: `SlotError.noRootDisk`.
    static func find(device: String, sysfs: String) throws(SlotError) -> RootDisk {
        let folder = "\(sysfs)/dev/block/\(device)"
        let slaves = entries("\(folder)/slaves")
        guard !slaves.isEmpty else {
            throw .noRootDisk(
                reason: "block device \(device) is not made of partitions (no dm-verity target)"
            )
        }
        var disks: Set<String> = []
        var numbers: [Int] = []
        for slave in slaves {
            guard let number = read("\(folder)/slaves/\(slave)/partition").flatMap({ Int($0) }),
                let place = resolved("\(folder)/slaves/\(slave)")
            else { throw .noRootDisk(reason: "'\(slave)', of which the root is made, is not a partition") }
            let parts = place.split(separator: "/")
            guard parts.count >= 2 else { throw .noRootDisk(reason: "'\(place)' has no disk") }
            disks.insert(String(parts[parts.count - 2]))
            numbers.append(number)
        }
        guard disks.count == 1, let disk = disks.first else {
            throw .noRootDisk(reason: "the root is made of partitions of several disks: \(disks.sorted())")
        }
        let size = read("\(sysfs)/class/block/\(disk)/queue/logical_block_size").flatMap { Int($0) }
        guard let size, let sectorSize = SectorSize(rawValue: size) else {
            throw .noRootDisk(reason: "the sector size of '\(disk)' is not 512 or 4096")
        }
        return RootDisk(name: disk, partitions: numbers.sorted(), sectorSize: sectorSize)
    }

    private static func entries(_ folder: String) -> [String] {
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        // A device is made of few others; the bound is for a folder that is not the kernel's.
        while names.count < 64, let entry = readdir(directory) {
            let name = withUnsafePointer(to: entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    private static func read(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = Glibc.read(descriptor, &bytes, bytes.count)
        guard count > 0 else { return nil }
        return String(decoding: bytes[..<count].prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    }

    private static func resolved(_ path: String) -> String? {
        guard let result = realpath(path, nil) else { return nil }
        defer { free(result) }
        return String(cString: result)
    }

    private static func text(_ number: Int32) -> String {
        strerror(number).map { String(cString: $0) } ?? "error \(number)"
    }
}
