import Foundation

extension FileTree {
    /// Writes a part of the tree to a directory on disk, for tools that need one.
    ///
    /// The directory is made when missing and must be empty, so that nothing in it can lead outside. Paths keep
    /// their full place: `/usr/lib/x` becomes `DIRECTORY/usr/lib/x`. Modes are kept without setuid, setgid and
    /// sticky, and the owner can always read and enter; owners and extended attributes are not kept. Devices and
    /// fifos are left out. Symlinks are made last, as they are in the tree.
    ///
    /// - Throws: `FileTreeError`.
    public func materialise(_ prefixes: [String] = ["/"], to directory: String) throws(FileTreeError) {
        try Self.makeDirectory(directory, isRoot: true)
        var selected: [String] = []
        var seen: Set<String> = []
        for prefix in prefixes {
            let prefix = try canonical(prefix)
            guard nodes[prefix] != nil else { throw .notFound(path: prefix) }
            var parents: [String] = []
            var parent = prefix
            while parent != "/" {
                parent = TreePath.split(parent).parent
                parents.append(parent)
            }
            for path in parents.reversed() + paths(under: prefix) where seen.insert(path).inserted {
                selected.append(path)
            }
        }
        var written: [String: String] = [:]
        var symlinks: [(place: String, target: String)] = []
        for path in selected {
            guard let node = nodes[path], path != "/" else { continue }
            let place = directory + path
            switch node.kind {
            case .directory:
                try Self.makeDirectory(place, isRoot: false)
            case .symlink(let target):
                symlinks.append((place, target))
            case .file, .hardLink:
                var file = path
                if case .hardLink(let target) = node.kind { file = target }
                if let first = written[file] {
                    guard link(first, place) == 0 else {
                        throw .system(operation: "link", path: place, errno: errno)
                    }
                    continue
                }
                guard let content = nodes[file]?.content else { throw .notFound(path: file) }
                try Self.writeFile(content, mode: node.mode, to: place)
                written[file] = place
            case .characterDevice, .blockDevice, .fifo:
                continue
            }
        }
        for (place, target) in symlinks {
            guard symlink(target, place) == 0 else {
                throw .system(operation: "make the symlink", path: place, errno: errno)
            }
        }
        for path in selected.reversed() where path != "/" {
            guard let node = nodes[path], node.isDirectory else { continue }
            guard chmod(directory + path, mode_t(node.mode & 0o777 | 0o700)) == 0 else {
                throw .system(operation: "set the mode of", path: directory + path, errno: errno)
            }
        }
    }

    /// Reads a directory of the build machine, for example an overlay.
    ///
    /// Root owns everything; files are 0755 when their owner can execute them, else 0644; directories only exist
    /// as parents, so that merging them never changes the mode of a directory that a package brings. Files named
    /// `.gitkeep` are left out. Symlinks are kept as they are. Contents are held in memory.
    ///
    /// - Throws: `FileTreeError` for what is no file, directory or symlink, and when there is more than `limit`
    ///   bytes of content.
    public static func load(
        directory: String,
        origin: String,
        limit: Int = 256 << 20
    ) throws(FileTreeError) -> FileTree {
        var tree = FileTree()
        var budget = limit
        var pending = ["/"]
        while let path = pending.popLast() {
            for name in try list(directory + path) where name != ".gitkeep" {
                let place = TreePath.join(path, name)
                let source = directory + place
                var status = stat()
                guard lstat(source, &status) == 0 else {
                    throw .system(operation: "look at", path: source, errno: errno)
                }
                switch status.st_mode & S_IFMT {
                case S_IFDIR:
                    var node = Node.directory(origin: origin)
                    node.isImplicit = true
                    try tree.insert(node, at: place)
                    pending.append(place)
                case S_IFLNK:
                    try tree.insert(.symlink(to: try readLink(source), origin: origin), at: place)
                case S_IFREG:
                    let bytes = try readFile(source, limit: budget)
                    budget -= bytes.count
                    let mode: UInt16 = status.st_mode & S_IXUSR != 0 ? 0o755 : 0o644
                    try tree.insert(.file(bytes, mode: mode, origin: origin), at: place)
                default:
                    let reason = "'\(source)' is no file, directory or symlink"
                    throw .invalidPath(path: place, origin: origin, reason: reason)
                }
            }
        }
        return tree
    }

    // MARK: System calls

    private static func makeDirectory(_ path: String, isRoot: Bool) throws(FileTreeError) {
        if mkdir(path, 0o700) == 0 { return }
        guard isRoot, errno == EEXIST else {
            throw .system(operation: "make the directory", path: path, errno: errno)
        }
        guard try list(path).isEmpty else {
            throw .system(operation: "write a tree to", path: path, errno: ENOTEMPTY)
        }
    }

    private static func writeFile(_ content: Content, mode: UInt16, to path: String) throws(FileTreeError) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .system(operation: "create", path: path, errno: errno) }
        defer { close(descriptor) }
        try content.forEachChunk(of: path) { (piece) throws(FileTreeError) in
            var done = 0
            while done < piece.count {
                let count = write(descriptor, piece.baseAddress.map { $0 + done }, piece.count - done)
                if count < 0 {
                    if errno == EINTR { continue }
                    throw .system(operation: "write", path: path, errno: errno)
                }
                done += count
            }
        }
        guard fchmod(descriptor, mode_t(mode & 0o777 | 0o400)) == 0 else {
            throw .system(operation: "set the mode of", path: path, errno: errno)
        }
    }

    /// The names in a directory on disk, sorted.
    private static func list(_ path: String) throws(FileTreeError) -> [String] {
        guard let handle = opendir(path) else { throw .system(operation: "list", path: path, errno: errno) }
        defer { closedir(handle) }
        var result: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(handle) else {
                guard errno == 0 else { throw .system(operation: "list", path: path, errno: errno) }
                return result.sorted(by: TreePath.precedes)
            }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(validating: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard let name else {
                throw .invalidPath(path: path, origin: path, reason: "a name in it is not UTF-8; rename it")
            }
            if name != ".", name != ".." { result.append(name) }
        }
    }

    private static func readLink(_ path: String) throws(FileTreeError) -> String {
        var buffer = [UInt8](repeating: 0, count: TreePath.maximumLength + 1)
        let count = buffer.withUnsafeMutableBytes { bytes in
            bytes.bindMemory(to: CChar.self).baseAddress.map { readlink(path, $0, bytes.count) } ?? -1
        }
        guard count >= 0 else { throw .system(operation: "read the symlink", path: path, errno: errno) }
        guard count < buffer.count, let target = String(validating: buffer[..<count], as: UTF8.self) else {
            throw .invalidPath(path: path, origin: path, reason: "its target is too long or not UTF-8")
        }
        return target
    }

    private static func readFile(_ path: String, limit: Int) throws(FileTreeError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system(operation: "open", path: path, errno: errno) }
        defer { close(descriptor) }
        var result: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR { continue }
                throw .system(operation: "read", path: path, errno: errno)
            }
            if count == 0 { return result }
            guard count <= limit - result.count else {
                throw .tooLarge(path: path, size: Int64(result.count + count), limit: Int64(limit))
            }
            result.append(contentsOf: buffer[..<count])
        }
    }
}
