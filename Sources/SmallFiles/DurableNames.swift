internal import Glibc

/// Makes a folder, if there is none, so that it outlives a loss of power.
///
/// - Parameters:
///   - path: the folder; the one that it is in exists.
///   - mode: its permissions, less the umask.
/// - Throws: `SmallFileWriteError`.
public func makeDurableFolder(_ path: String, mode: UInt32 = 0o755) throws(SmallFileWriteError) {
    if mkdir(path, mode) == 0 {
        try synchronizeFolder("\(path)/..")
    } else if errno != EEXIST {
        throw SmallFileWriteError(.makeFolder, path)
    }
}

/// Removes a file, if there is one, so that a loss of power does not bring it back.
///
/// - Throws: `SmallFileWriteError`.
public func removeSmallFile(_ path: String) throws(SmallFileWriteError) {
    guard unlink(path) == 0 else {
        if errno == ENOENT || errno == ENOTDIR { return }
        throw SmallFileWriteError(.remove, path)
    }
    try synchronizeFolder(folder(of: path))
}

/// Flushes a folder with fsync(2): the names in it are as durable as its files from then on.
///
/// - Throws: `SmallFileWriteError`.
public func synchronizeFolder(_ path: String) throws(SmallFileWriteError) {
    let descriptor = retrying { open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    guard descriptor >= 0 else { throw SmallFileWriteError(.open, path) }
    defer { close(descriptor) }
    guard retrying({ fsync(descriptor) }) == 0 else { throw SmallFileWriteError(.synchronize, path) }
}
