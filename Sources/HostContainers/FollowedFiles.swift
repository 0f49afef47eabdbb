@preconcurrency import Dispatch
import Glibc
import SmallFiles
import Synchronization

/// Copies of files of the host that change while a container runs: its name servers, the names of hosts.
///
/// On the host they are replaced by others of the same name, and a mount of a file stays with the one that it was made
/// of. So a container has copies, which stay the same files and are written anew for as long as this lives. A copy is
/// there before its original is: a container may start before the network.
final class FollowedFiles: Sendable {
    /// The longest file that is copied.
    private static let maximumLength = 1 << 20
    /// All ways in which a name in a folder gets other content, and the folder going away.
    private static let events =
        UInt32(IN_CREATE) | UInt32(IN_MOVED_TO) | UInt32(IN_CLOSE_WRITE) | UInt32(IN_DELETE_SELF)
        | UInt32(IN_MOVE_SELF)

    private struct State {
        /// What the copies have.
        var contents: [String: [UInt8]] = [:]
        /// The numbers of the folders that are watched.
        var watches: Set<Int32> = []
    }

    /// The copies by their originals' paths.
    let copies: [String: String]

    private let descriptor: Int32
    private let source: (any DispatchSourceRead)?
    private let state = Mutex(State())
    private let log: @Sendable (String) -> Void

    /// Makes the copies, anew if there are some, and keeps them up to date.
    ///
    /// - Parameters:
    ///   - originals: the files; the copies have the last parts of their paths as names.
    ///   - folder: where the copies are made.
    ///   - log: takes lines for the journal.
    /// - Throws: `HostContainersError.system`.
    init(_ originals: [String], in folder: String, log: @escaping @Sendable (String) -> Void)
        throws(HostContainersError)
    {
        self.log = log
        copies = Dictionary(
            originals.map { ($0, "\(folder)/\($0.split(separator: "/").last ?? "")") },
            uniquingKeysWith: { first, _ in first }
        )
        // IN_NONBLOCK and IN_CLOEXEC are the same numbers.
        descriptor = inotify_init1(O_NONBLOCK | O_CLOEXEC)
        if descriptor < 0 {
            let reason = String(cString: strerror(errno))
            log("changes of \(originals.joined(separator: ", ")) do not get into the container: \(reason)")
            source = nil
        } else {
            source = DispatchSource.makeReadSource(
                fileDescriptor: descriptor,
                queue: DispatchQueue(label: "followed-files")
            )
            let descriptor = descriptor
            source?.setCancelHandler { close(descriptor) }
            source?.setEventHandler { [weak self] in self?.follow() }
        }
        // What changes from here on is an event.
        watch()
        do throws(HostContainersError) {
            for copy in copies.values { try Self.makeEmpty(copy) }
        } catch {
            // A source can't be freed before it was activated.
            source?.activate()
            throw error
        }
        refresh()
        source?.activate()
    }

    deinit { source?.cancel() }

    /// Ends it: the copies stay as they are.
    func stop() { source?.cancel() }

    private func follow() {
        var buffer = [UInt8](repeating: 0, count: 4096)
        // What happened is all one: all files are looked at.
        while read(descriptor, &buffer, buffer.count) > 0 {}
        watch()
        refresh()
    }

    // MARK: - Copies

    /// An empty file that everybody in the container may read, whatever the mask of this process is.
    private static func makeEmpty(_ path: String) throws(HostContainersError) {
        unlink(path)
        let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o644)
        guard file >= 0 else { throw .system(path: path, operation: "make", errno: errno) }
        defer { close(file) }
        guard fchmod(file, 0o644) == 0 else {
            throw .system(path: path, operation: "set the mode of", errno: errno)
        }
    }

    /// Writes the copies whose originals have other content.
    private func refresh() {
        state.withLock { state in
            for (original, copy) in copies {
                let bytes: [UInt8]
                do throws(SmallFileError) {
                    bytes = try readSmallFile(original, maximumLength: Self.maximumLength)
                } catch {
                    // Not there yet, or any more: the last names are better than none.
                    if !error.isMissing { log("the container keeps its '\(copy)': '\(original)' \(error)") }
                    continue
                }
                guard bytes != state.contents[copy] ?? [] else { continue }
                do throws(HostContainersError) {
                    try Self.overwrite(copy, with: bytes)
                    state.contents[copy] = bytes
                } catch { log("\(error)") }
            }
        }
    }

    /// Writes a file's content anew, so that it stays the same file.
    ///
    /// Never empty in between: who reads it meanwhile finds the new content, perhaps with the old one's end.
    private static func overwrite(_ path: String, with bytes: [UInt8]) throws(HostContainersError) {
        let file = open(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC)
        guard file >= 0 else { throw .system(path: path, operation: "open", errno: errno) }
        defer { close(file) }
        do throws(SmallFileWriteError) { try writeAll(bytes, to: file, path: path) } catch {
            throw .cannotWrite(error)
        }
        guard ftruncate(file, bytes.count) == 0 else {
            throw .system(path: path, operation: "write", errno: errno)
        }
    }

    // MARK: - Watching

    /// Watches the folders of the originals, or of what of their paths is there.
    private func watch() {
        guard descriptor >= 0 else { return }
        state.withLock { state in
            var watches: Set<Int32> = []
            for original in copies.keys {
                let target = Self.target(of: original)
                var last: String?
                // A folder that was made before its parent was watched is found by looking once more.
                while let folder = Self.nearestFolder(of: target), folder != last {
                    let number = inotify_add_watch(descriptor, folder, Self.events)
                    if number >= 0 { watches.insert(number) }
                    last = folder
                }
            }
            for number in state.watches.subtracting(watches) { inotify_rm_watch(descriptor, number) }
            state.watches = watches
        }
    }

    /// Where a path leads, also while nothing is there.
    private static func target(of path: String) -> String {
        var path = path
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        // As many links as the kernel follows.
        for _ in 0..<40 {
            let count = readlink(path, &buffer, buffer.count)
            guard count > 0 else { break }
            let link = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
            path = link.hasPrefix("/") ? link : "\(folder(of: path))/\(link)"
        }
        return path
    }

    /// The folder of a path, or the lowest one above that is there.
    private static func nearestFolder(of path: String) -> String? {
        var folder = folder(of: path)
        while access(folder, F_OK) != 0 {
            guard folder != "/", folder != "." else { return nil }
            folder = self.folder(of: folder)
        }
        return folder
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
