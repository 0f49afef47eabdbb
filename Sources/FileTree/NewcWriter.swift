/// Writes a tree as a cpio archive in the "newc" format, as the kernel reads an initramfs.
///
/// The format is the kernel's Documentation/driver-api/early-userspace/buffer-format.rst. Members are sorted, a
/// directory before what is in it; inode numbers count up from 1 in that order; the last of a file's hard links
/// carries the content. All times are the one given. Extended attributes have no place in the format and are
/// left out.
public struct NewcWriter: Sendable {
    /// The time of every member, in seconds since 1970.
    public let modificationTime: UInt32

    /// Takes the time of every member, in seconds since 1970.
    public init(modificationTime: UInt32) {
        self.modificationTime = modificationTime
    }

    /// Writes the archive to a file, which appears when it is complete.
    ///
    /// - Throws: `FileTreeError` when content cannot be read, is 4 GiB or more, or the file not be written.
    public func write(_ tree: FileTree, to path: String) throws(FileTreeError) {
        var output = try OutputFile(path: path)
        try write(tree, into: &output)
    }

    /// Writes the archive to an open descriptor, for example of a pipe.
    ///
    /// - Throws: `FileTreeError` when content cannot be read, is 4 GiB or more, or the descriptor not be written.
    public func write(_ tree: FileTree, toDescriptor descriptor: Int32) throws(FileTreeError) {
        var output = OutputFile(descriptor: descriptor)
        try write(tree, into: &output)
    }

    private func write(_ tree: FileTree, into output: inout OutputFile) throws(FileTreeError) {
        var nextInode: UInt32 = 1
        var inodes: [String: UInt32] = [:]
        for (path, node) in tree {
            var member = Member(name: path == "/" ? "." : String(path.dropFirst()), node: node)
            if let group = tree.linkGroup(at: path, node), let first = group.first {
                if let known = inodes[first] {
                    member.inode = known
                } else {
                    member.inode = nextInode
                    inodes[first] = nextInode
                    nextInode += 1
                }
                member.node = group.file
                member.links = UInt32(truncatingIfNeeded: group.names.count)
                if path != group.last { member.node.kind = .file(.bytes([])) }
            } else {
                member.inode = nextInode
                nextInode += 1
                if node.isDirectory {
                    member.links = 2 + UInt32(truncatingIfNeeded: tree.directoryCount(in: path))
                }
            }
            try write(member, path: path, into: &output)
        }
        let trailer = Node(kind: .fifo, mode: 0, origin: "")
        try output.write(
            header(Member(name: "TRAILER!!!", node: trailer), type: 0, size: 0, device: (0, 0), time: 0)
        )
        try output.pad(to: 4)
        // Archives are filled to blocks of 512 bytes, as cpio does; the kernel passes over the zeros.
        try output.pad(to: 512)
        try output.finish()
    }

    private struct Member {
        var name: String
        var node: Node
        var inode: UInt32 = 0
        var links: UInt32 = 1
    }

    private func write(_ member: Member, path: String, into output: inout OutputFile) throws(FileTreeError) {
        var type: UInt32
        var content = Content.bytes([])
        var device: (UInt32, UInt32) = (0, 0)
        switch member.node.kind {
        case .directory: type = 0o040000
        case .file(let bytes): (type, content) = (0o100000, bytes)
        case .symlink(let target): (type, content) = (0o120000, .bytes(Array(target.utf8)))
        case .characterDevice(let major, let minor): (type, device) = (0o020000, (major, minor))
        case .blockDevice(let major, let minor): (type, device) = (0o060000, (major, minor))
        case .fifo: type = 0o010000
        case .hardLink(let target):
            let reason = "which does not exist"
            throw .hardLink(path: path, target: target, origin: member.node.origin, reason: reason)
        }
        guard let size = UInt32(exactly: content.size) else {
            let reason = "it has \(content.size) bytes, and the format ends at 4294967295"
            throw .notRepresentable(path: path, format: "newc", reason: reason)
        }
        type |= UInt32(member.node.mode)
        try output.write(header(member, type: type, size: size, device: device, time: modificationTime))
        try output.pad(to: 4)
        try output.write(content, of: path)
        try output.pad(to: 4)
    }

    private func header(
        _ member: Member,
        type: UInt32,
        size: UInt32,
        device: (UInt32, UInt32),
        time: UInt32
    ) -> [UInt8] {
        let name = Array(member.name.utf8) + [0]
        let fields: [UInt32] = [
            member.inode, type, member.node.uid, member.node.gid, member.links, time, size, 0, 0,
            device.0, device.1, UInt32(truncatingIfNeeded: name.count), 0,
        ]
        var bytes = Array("070701".utf8)
        for field in fields {
            let text = String(field, radix: 16, uppercase: true)
            bytes += Array((String(repeating: "0", count: 8 - text.utf8.count) + text).utf8)
        }
        return bytes + name
    }
}

extension FileTree {
    /// Number of directories in a directory.
    func directoryCount(in path: String) -> Int {
        (names[path] ?? []).count { nodes[TreePath.join(path, $0)]?.isDirectory ?? false }
    }
}
