internal import Glibc

/// User data on a volume: a disk, a CD or a partition whose file system has the label `user-data`.
///
/// It is mounted read-only, without set-uid bits, devices and programs, at a place of its own and only while it is read.
public struct VolumeSource: UserDataSource {
    /// The label of the file system.
    public static let label = "user-data"
    /// The link that udev makes for the label.
    public static let link = "/dev/disk/by-label/\(label)"
    /// The file that is there while udev has devices to look at.
    public static let udevQueue = "/run/udev/queue"
    /// The names under which the file is looked for, in the root of the volume; the first one counts.
    public static let fileNames = ["user-data.toml", "user-data"]

    /// The file systems that are tried, with their mount options; those that the kernel lacks are passed over.
    private static let fileSystems = [
        // Its journal is not replayed, as that would write to the volume.
        ("ext4", "noload"), ("vfat", ""), ("iso9660", ""),
    ]

    /// The name of the source.
    public let name = "volume"
    private let device: String
    private let udevQueue: String
    private let mountParent: String
    private let patience: Duration

    /// The volume with the label.
    ///
    /// - Parameters:
    ///   - device: the link that udev makes for the label.
    ///   - udevQueue: the file that is there while udev has devices to look at.
    ///   - mountParent: where a directory for the mount is made.
    ///   - patience: how long a device may take to appear while udev is busy, and to become readable once it is there.
    public init(
        device: String = VolumeSource.link,
        udevQueue: String = VolumeSource.udevQueue,
        mountParent: String,
        patience: Duration = .seconds(5)
    ) {
        self.device = device
        self.udevQueue = udevQueue
        self.mountParent = mountParent
        self.patience = patience
    }

    /// Mounts the volume and reads the file.
    public func read() async throws(UserDataError) -> UserDataContent? {
        // As `udevadm settle` does: a volume that udev has not looked at yet has no label. Once udev is idle, a label
        // that is not there will not come.
        await wait { exists(device) || !exists(udevQueue) }
        guard exists(device) else { return nil }
        // A drive may need a moment to read its medium.
        await wait { isReadable(device) }
        let directory = try makeDirectory()
        defer { rmdir(directory) }
        try mount(at: directory)
        defer { umount2(directory, Int32(MNT_DETACH)) }
        for name in Self.fileNames {
            if let bytes = try UserDataFile.read("\(directory)/\(name)", isLinkAllowed: false) {
                return UserDataContent(place: "the volume \(Self.label), file \(name)", bytes: bytes)
            }
        }
        throw .missing(place: "the volume \(Self.label)", names: Self.fileNames)
    }

    private func mount(at directory: String) throws(UserDataError) {
        let flags = UInt(MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC)
        var reasons: [String] = []
        for (type, options) in Self.fileSystems {
            if Glibc.mount(device, directory, type, flags, options) == 0 { return }
            let error = errno
            // Neither "another file system" nor "not in this kernel" says anything of the volume.
            if error != EINVAL && error != ENODEV { reasons.append("\(type): \(UserDataFile.reason(error))") }
        }
        let types = Self.fileSystems.map(\.0).joined(separator: ", ")
        let reason =
            reasons.isEmpty
            ? "it has none of the file systems \(types)" : "mount failed: \(reasons.joined(separator: "; "))"
        throw .unreadable(place: "the volume \(device)", reason: reason)
    }

    private func makeDirectory() throws(UserDataError) -> String {
        var template = Array("\(mountParent)/user-data-XXXXXX".utf8CString)
        guard let path = template.withUnsafeMutableBufferPointer({ $0.baseAddress.flatMap { mkdtemp($0) } })
        else {
            throw .unreadable(
                place: "the volume \(device)",
                reason: "no directory for its mount in \(mountParent): \(UserDataFile.reason(errno))"
            )
        }
        return String(cString: path)
    }

    /// Waits until something is true, or the patience is over.
    private func wait(until isTrue: () -> Bool) async {
        let end = ContinuousClock.now + patience
        while !isTrue(), ContinuousClock.now < end { try? await Task.sleep(for: .milliseconds(50)) }
    }

    private func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    private func isReadable(_ path: String) -> Bool {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        close(descriptor)
        return true
    }
}
