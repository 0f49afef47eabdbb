/// Writes a tree as a POSIX tar archive (IEEE 1003.1-2017, pax interchange format) that depends on nothing else.
///
/// Members are sorted, a directory before what is in it; of a file's hard links the first in that order carries
/// the content. Owners are numbers only, all times are the one given, names are relative to the root (`usr/bin`,
/// the root itself is `./`). Extended attributes are written as `SCHILY.xattr.*`; long or non-ASCII names, long
/// targets and large numbers as pax records.
public struct TarWriter: Sendable {
    /// The time of every member, in seconds since 1970.
    public let modificationTime: Int64

    private static let blockSize: Int64 = 512
    private static let recordSize: Int64 = 10240

    /// Takes the time of every member, in seconds since 1970.
    public init(modificationTime: Int64) {
        self.modificationTime = modificationTime
    }

    /// Writes the archive to a file, which appears when it is complete.
    ///
    /// - Throws: `FileTreeError` when content cannot be read or the file not be written.
    public func write(_ tree: FileTree, to path: String) throws(FileTreeError) {
        var output = try OutputFile(path: path)
        try write(tree, into: &output)
    }

    /// Writes the archive to an open descriptor, for example of a pipe.
    ///
    /// - Throws: `FileTreeError` when content cannot be read or the descriptor not be written.
    public func write(_ tree: FileTree, toDescriptor descriptor: Int32) throws(FileTreeError) {
        var output = OutputFile(descriptor: descriptor)
        try write(tree, into: &output)
    }

    private func write(_ tree: FileTree, into output: inout OutputFile) throws(FileTreeError) {
        for (path, node) in tree {
            let group = tree.linkGroup(at: path, node)
            if let group, let first = group.first, first != path {
                var link = node
                link.xattrs = [:]
                try writeHeader(path, link, flag: "1", size: 0, target: String(first.dropFirst()), &output)
                continue
            }
            let node = group?.file ?? node
            switch node.kind {
            case .file(let content):
                try writeHeader(path, node, flag: "0", size: content.size, target: "", &output)
                try output.write(content, of: path)
                try output.pad(to: Self.blockSize)
            case .symlink(let target):
                try writeHeader(path, node, flag: "2", size: 0, target: target, &output)
            case .characterDevice(let major, let minor):
                try writeHeader(path, node, flag: "3", size: 0, target: "", device: (major, minor), &output)
            case .blockDevice(let major, let minor):
                try writeHeader(path, node, flag: "4", size: 0, target: "", device: (major, minor), &output)
            case .directory:
                try writeHeader(path, node, flag: "5", size: 0, target: "", &output)
            case .fifo:
                try writeHeader(path, node, flag: "6", size: 0, target: "", &output)
            case .hardLink(let target):
                throw .hardLink(
                    path: path,
                    target: target,
                    origin: node.origin,
                    reason: "which does not exist"
                )
            }
        }
        // Two blocks of zeros end the archive, and zeros fill its last record, as tar programs expect.
        try output.write([UInt8](repeating: 0, count: Int(2 * Self.blockSize)))
        let rest = output.position % Self.recordSize
        if rest > 0 { try output.write([UInt8](repeating: 0, count: Int(Self.recordSize - rest))) }
        try output.finish()
    }

    private func writeHeader(
        _ path: String,
        _ node: Node,
        flag: Unicode.Scalar,
        size: Int64,
        target: String,
        device: (major: UInt32, minor: UInt32) = (0, 0),
        _ output: inout OutputFile
    ) throws(FileTreeError) {
        var name = path == "/" ? "./" : String(path.dropFirst())
        if node.isDirectory, path != "/" { name += "/" }
        var records: [UInt8] = []
        func needsRecord(_ text: String) -> Bool {
            text.utf8.count > 100 || !text.utf8.allSatisfy { $0 < 0x80 }
        }
        if needsRecord(name) { records += Self.record("path", Array(name.utf8)) }
        if needsRecord(target) { records += Self.record("linkpath", Array(target.utf8)) }
        if size > Self.largestOctal { records += Self.record("size", Array("\(size)".utf8)) }
        if Int64(node.uid) > Self.largestOwner { records += Self.record("uid", Array("\(node.uid)".utf8)) }
        if Int64(node.gid) > Self.largestOwner { records += Self.record("gid", Array("\(node.gid)".utf8)) }
        if modificationTime < 0 || modificationTime > Self.largestOctal {
            records += Self.record("mtime", Array("\(modificationTime)".utf8))
        }
        for (key, value) in node.xattrs.sorted(by: { TreePath.precedes($0.key, $1.key) }) {
            guard !key.isEmpty, !key.utf8.contains(UInt8(ascii: "=")), !key.utf8.contains(0) else {
                let reason = "the extended attribute name '\(key)' has no place in a pax record"
                throw .notRepresentable(path: path, format: "tar", reason: reason)
            }
            records += Self.record("SCHILY.xattr.\(key)", value)
        }
        if max(device.major, device.minor) > UInt32(Self.largestOwner) {
            throw .notRepresentable(path: path, format: "tar", reason: "its device number is above 07777777")
        }
        if !records.isEmpty {
            try output.write(
                header("PaxHeader", mode: 0o644, owner: (0, 0), size: Int64(records.count), flag: "x")
            )
            try output.write(records)
            try output.pad(to: Self.blockSize)
        }
        try output.write(
            header(
                name,
                mode: node.mode,
                owner: (node.uid, node.gid),
                size: size,
                flag: flag,
                target: target,
                device: device
            )
        )
    }

    // MARK: Bytes

    private static let largestOctal: Int64 = 0o77777777777
    private static let largestOwner: Int64 = 0o7777777

    /// A ustar header; what does not fit is cut, as a pax record before it has the true value.
    private func header(
        _ name: String,
        mode: UInt16,
        owner: (uid: UInt32, gid: UInt32),
        size: Int64,
        flag: Unicode.Scalar,
        target: String = "",
        device: (major: UInt32, minor: UInt32) = (0, 0)
    ) -> [UInt8] {
        var block = [UInt8](repeating: 0, count: Int(Self.blockSize))
        func put(_ bytes: some Collection<UInt8>, at offset: Int, count: Int) {
            var position = offset
            for byte in bytes.prefix(count) {
                block[position] = byte
                position += 1
            }
        }
        func putOctal(_ value: Int64, limit: Int64, at offset: Int, digits: Int) {
            let text = String(value < 0 || value > limit ? 0 : value, radix: 8)
            put(
                (String(repeating: "0", count: max(0, digits - text.utf8.count)) + text).utf8,
                at: offset,
                count: digits
            )
        }
        put(name.utf8, at: 0, count: 100)
        putOctal(Int64(mode), limit: 0o7777, at: 100, digits: 7)
        putOctal(Int64(owner.uid), limit: Self.largestOwner, at: 108, digits: 7)
        putOctal(Int64(owner.gid), limit: Self.largestOwner, at: 116, digits: 7)
        putOctal(size, limit: Self.largestOctal, at: 124, digits: 11)
        putOctal(modificationTime, limit: Self.largestOctal, at: 136, digits: 11)
        put(repeatElement(UInt8(ascii: " "), count: 8), at: 148, count: 8)
        put(String(flag).utf8, at: 156, count: 1)
        put(target.utf8, at: 157, count: 100)
        put("ustar".utf8, at: 257, count: 5)
        put("00".utf8, at: 263, count: 2)
        putOctal(Int64(device.major), limit: Self.largestOwner, at: 329, digits: 7)
        putOctal(Int64(device.minor), limit: Self.largestOwner, at: 337, digits: 7)
        let sum = block.reduce(0) { $0 + Int64($1) }
        putOctal(sum, limit: Self.largestOwner, at: 148, digits: 6)
        block[154] = 0
        return block
    }

    /// A pax record, `LENGTH KEY=VALUE\n`, whose length counts its own digits.
    private static func record(_ key: String, _ value: [UInt8]) -> [UInt8] {
        let rest = key.utf8.count + value.count + 3
        var length = rest + String(rest).utf8.count
        if String(length).utf8.count != String(rest).utf8.count { length = rest + String(length).utf8.count }
        return Array("\(length) \(key)=".utf8) + value + [UInt8(ascii: "\n")]
    }
}
