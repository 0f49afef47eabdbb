internal import Glibc

/// Puts bytes in the place of a file, so that a loss of power leaves the old file or the new one, whole.
///
/// In the order temporary file, fsync(2), rename(2), fsync(2) of the folder. One writer of a name at a time.
/// - Parameters:
///   - path: the file; its folder exists.
///   - bytes: its new content.
///   - mode: its permissions.
///   - temporary: where the new file is made, in the same folder; without it, `path` and `.new`.
///   - durably: false for a file in memory, which a loss of power takes anyway: nothing is flushed.
/// - Throws: `SmallFileWriteError`; the old file is then still there.
public func replaceSmallFile(
    _ path: String,
    with bytes: [UInt8],
    mode: UInt32 = 0o644,
    temporary: String? = nil,
    durably: Bool = true
) throws(SmallFileWriteError) {
    let temporary = temporary ?? path + ".new"
    // What a killed writer left, whatever it is.
    guard unlink(temporary) == 0 || errno == ENOENT else { throw SmallFileWriteError(.remove, temporary) }
    let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
    let descriptor = retrying { open(temporary, flags, mode) }
    guard descriptor >= 0 else { throw SmallFileWriteError(.make, temporary) }
    do throws(SmallFileWriteError) {
        defer { close(descriptor) }
        try writeAll(bytes, to: descriptor, path: temporary)
        // Past the umask.
        guard fchmod(descriptor, mode) == 0 else { throw SmallFileWriteError(.setMode, temporary) }
        guard !durably || retrying({ fsync(descriptor) }) == 0 else {
            throw SmallFileWriteError(.synchronize, temporary)
        }
        guard rename(temporary, path) == 0 else { throw SmallFileWriteError(.rename, temporary) }
    } catch {
        unlink(temporary)
        throw error
    }
    if durably { try synchronizeFolder(folder(of: path)) }
}

/// Writes bytes to a descriptor, all of them.
///
/// - Parameters:
///   - bytes: what is written.
///   - descriptor: an open file, which stays open.
///   - path: what errors call it.
/// - Throws: `SmallFileWriteError`; then a part of the bytes may be written.
public func writeAll(_ bytes: [UInt8], to descriptor: Int32, path: String) throws(SmallFileWriteError) {
    var done = 0
    while done < bytes.count {
        let count = bytes.withUnsafeBytes { buffer in
            retrying { write(descriptor, buffer.baseAddress.map { $0 + done }, buffer.count - done) }
        }
        guard count > 0 else { throw SmallFileWriteError(.write, path, count < 0 ? errno : ENOSPC) }
        done += count
    }
}

/// Repeats a system call as long as a signal interrupts it.
func retrying<Result: SignedInteger>(_ call: () -> Result) -> Result {
    while true {
        let result = call()
        if result >= 0 || errno != EINTR { return result }
    }
}

/// The folder that a file is in.
func folder(of path: String) -> String {
    path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
}
