import Glibc

extension HealthCheck {
    private static let pieceSize = 1 << 20

    /// Every block of the root can be read through dm-verity.
    ///
    /// It is the last check of a version on trial (DESIGN.md, section 4): a block that no boot needs is still part of
    /// what gets committed.
    public static let wholeRoot = HealthCheck("whole-root") { host in
        guard let mount = host.mount(at: "/") else { return .unhealthy("/proc/self/mountinfo lists no root") }
        let path = host.path("/dev/block/\(mount.device)")
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            return .unhealthy("cannot open '\(path)': \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        var buffer = [UInt8](repeating: 0, count: pieceSize)
        var position: Int64 = 0
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count == 0 { return .healthy("\(position) bytes of \(path)") }
            if count < 0 {
                if errno == EINTR { continue }
                let reason = String(cString: strerror(errno))
                return .unhealthy("'\(path)' cannot be read at byte \(position): \(reason)")
            }
            position += Int64(count)
            // Nobody needs these pages again; they shall not drive out those that are needed.
            posix_fadvise(descriptor, 0, off_t(position), POSIX_FADV_DONTNEED)
        }
    }
}
