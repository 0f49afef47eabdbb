internal import Glibc

/// What a small file may be.
public enum SmallFileKind: Sendable, Equatable {
    /// A regular file; also those of /proc and /sys.
    case regular
    /// A pipe, a terminal and whatever else can be read, as long as its end comes within a time.
    case any(within: Duration)
}

/// The bytes of a file that must not be longer than a limit.
///
/// Opening waits for nobody, not even at a pipe without a writer.
/// - Parameters:
///   - path: the file.
///   - maximumLength: the most bytes it may have.
///   - kind: what it may be.
///   - followsLink: whether the last part of the path may be a symbolic link.
/// - Throws: `SmallFileError`.
public func readSmallFile(
    _ path: String,
    maximumLength: Int,
    kind: SmallFileKind = .regular,
    followsLink: Bool = true
) throws(SmallFileError) -> [UInt8] {
    // Without O_NONBLOCK, opening a pipe would wait for a writer.
    let flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (followsLink ? 0 : O_NOFOLLOW)
    let descriptor = retrying { open(path, flags) }
    guard descriptor >= 0 else { throw .cannotOpen(errno: errno) }
    defer { close(descriptor) }
    return try readSmallFile(descriptor, maximumLength: maximumLength, kind: kind)
}

/// The bytes behind a descriptor, from its position to the end.
///
/// - Parameters:
///   - descriptor: an open file, which stays open.
///   - maximumLength: the most bytes there may be.
///   - kind: what it may be.
/// - Throws: `SmallFileError`.
public func readSmallFile(
    _ descriptor: Int32,
    maximumLength: Int,
    kind: SmallFileKind = .regular
) throws(SmallFileError) -> [UInt8] {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .cannotRead(errno: errno) }
    var deadline: ContinuousClock.Instant?
    switch kind {
    case .regular:
        guard status.st_mode & S_IFMT == S_IFREG else { throw .notRegular }
        // The files of /proc have no length: what is read counts too.
        guard status.st_size <= maximumLength else { throw .tooLong(limit: maximumLength) }
    case .any(let time): deadline = .now + time
    }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 16 << 10)
    while true {
        if let deadline { try waitForData(descriptor, until: deadline) }
        let count = read(descriptor, &buffer, buffer.count)
        if count < 0 {
            if errno == EINTR || errno == EAGAIN && deadline != nil { continue }
            throw .cannotRead(errno: errno)
        }
        if count == 0 { return bytes }
        guard count <= maximumLength - bytes.count else { throw .tooLong(limit: maximumLength) }
        bytes += buffer[..<count]
        // Who writes a little again and again is never waited for.
        if let deadline, ContinuousClock.now >= deadline { throw .didNotEnd }
    }
}

/// Waits until a read would not: for data, the end or an error.
private func waitForData(_ descriptor: Int32, until deadline: ContinuousClock.Instant) throws(SmallFileError)
{
    while true {
        // Never less than a millisecond: rounded down to nothing, the last one would be spent asking again and again.
        let left = max(.zero, deadline - .now) + .milliseconds(1)
        let milliseconds =
            left.components.seconds >= 3600
            ? 3_600_000
            : left.components.seconds * 1000 + left.components.attoseconds / 1_000_000_000_000_000
        var request = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        let count = poll(&request, 1, Int32(milliseconds))
        if count > 0 { return }
        guard count == 0 || errno == EINTR else { throw .cannotRead(errno: errno) }
        guard ContinuousClock.now < deadline else { throw .didNotEnd }
    }
}
