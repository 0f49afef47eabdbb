import Foundation

/// A directory of the cache in which one package is being unpacked; it goes away with the value.
///
/// It is locked (flock(2)) as long as it is in use, so that another process can tell what a killed one left
/// behind, and remove it, without looking at a clock.
struct UnpackWorkspace: ~Copyable {
    private static let prefix = "tmp-"

    /// Where it is.
    let path: String
    private let descriptor: Int32

    /// Makes a new one in a directory of the cache.
    init(in directory: String) throws(DebError) {
        // A cleaner may take the lock or the directory between its making and its locking: then try again.
        for _ in 0..<100 {
            var template = Array("\(directory)/\(Self.prefix)XXXXXX".utf8CString)
            let made = template.withUnsafeMutableBufferPointer { buffer in
                buffer.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) }
            }
            guard let made else { break }
            guard let descriptor = Self.lock(made) else { continue }
            guard access(made, F_OK) == 0 else {
                close(descriptor)
                continue
            }
            path = made
            self.descriptor = descriptor
            return
        }
        throw .system(operation: "make a temporary directory in", path: directory, errno: errno)
    }

    deinit {
        // After a success nothing is there: it has been renamed.
        if access(path, F_OK) == 0 { try? FileManager.default.removeItem(atPath: path) }
        close(descriptor)
    }

    /// Removes what killed processes left behind, and returns its paths, sorted.
    static func removeLeftovers(in directory: String) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        return names.sorted().filter { $0.hasPrefix(prefix) }.map { "\(directory)/\($0)" }.filter { path in
            guard let descriptor = lock(path) else { return false }
            defer { close(descriptor) }
            return (try? FileManager.default.removeItem(atPath: path)) != nil
        }
    }

    private static func lock(_ path: String) -> Int32? {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return descriptor }
        close(descriptor)
        return nil
    }
}
