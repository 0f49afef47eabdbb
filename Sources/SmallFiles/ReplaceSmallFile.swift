internal import Glibc

/// Puts bytes in the place of a file, so that a loss of power leaves the old file or the new one, whole.
///
/// In the order temporary file, fsync(2), rename(2), fsync(2) of the folder. One writer of a name at a time.
/// - Parameters:
///   - path: the file; its folder exists.
///   - bytes: its new content.
///   - mode: its permissions.
/// - Throws: `SmallFileWriteError`; the old file is then still there.
public func replaceSmallFile(_ path: String, with bytes: [UInt8], mode: UInt32 = 0o644)
    throws(SmallFileWriteError)
{
    let folder = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    let temporary = path + ".new"
    // What a killed writer left, whatever it is.
    unlink(temporary)
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)
    guard descriptor >= 0 else { throw SmallFileWriteError(errno: errno) }
    do throws(SmallFileWriteError) {
        defer { close(descriptor) }
        try write(bytes, to: descriptor)
        // Past the umask.
        guard fchmod(descriptor, mode) == 0, fsync(descriptor) == 0 else {
            throw SmallFileWriteError(errno: errno)
        }
    } catch {
        unlink(temporary)
        throw error
    }
    guard rename(temporary, path) == 0 else {
        let number = errno
        unlink(temporary)
        throw SmallFileWriteError(errno: number)
    }
    let parent = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard parent >= 0 else { throw SmallFileWriteError(errno: errno) }
    defer { close(parent) }
    guard fsync(parent) == 0 else { throw SmallFileWriteError(errno: errno) }
}

private func write(_ bytes: [UInt8], to descriptor: Int32) throws(SmallFileWriteError) {
    var done = 0
    while done < bytes.count {
        let count = bytes.withUnsafeBytes { buffer in
            Glibc.write(descriptor, buffer.baseAddress.map { $0 + done }, buffer.count - done)
        }
        if count < 0 {
            if errno == EINTR { continue }
            throw SmallFileWriteError(errno: errno)
        }
        done += count
    }
}
