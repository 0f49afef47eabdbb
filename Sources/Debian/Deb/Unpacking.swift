import Archive
import FileTree
import Foundation
import Hashing

extension UnpackedPackage {
    /// Unpacks a `.deb` beside its place in the cache and moves it there.
    static func unpack(_ path: String, digest: SHA256Digest, cache: String) throws(DebError)
        -> UnpackedPackage
    {
        let actual: SHA256Digest
        do throws(HashingError) {
            actual = try SHA256Digest(hashingFile: path)
        } catch {
            throw .malformed(package: path, reason: error.description)
        }
        guard actual == digest else { throw .digest(package: path, expected: digest.hex, actual: actual.hex) }

        let directory = directory(of: cache)
        do {
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        } catch {
            throw .system(operation: "make the cache directory", path: directory, errno: errno)
        }
        let workspace = try UnpackWorkspace(in: directory)
        let temporary = workspace.path
        let place = place(of: digest, cache: cache)
        let index = try extract(path, digest: digest, to: temporary, finalBlob: "\(place)/blob")
        try writeDurably(index.encoded(), to: "\(temporary)/index")
        try synchronise(temporary)
        try move(temporary, to: place, digest: digest)
        try synchronise(directory)
        return UnpackedPackage(index)
    }

    /// Gives the unpacked package its name, unless another process was faster.
    private static func move(_ temporary: String, to place: String, digest: SHA256Digest) throws(DebError) {
        if rename(temporary, place) == 0 { return }
        let failure = errno
        guard failure == EEXIST || failure == ENOTEMPTY else {
            throw .system(operation: "put in place", path: place, errno: failure)
        }
        if (try? PackageIndex(reading: "\(place)/index", blob: "\(place)/blob"))?.digest == digest,
            let size = try? FileManager.default.attributesOfItem(atPath: "\(place)/blob")[.size] as? Int64,
            let mine = try? FileManager.default.attributesOfItem(atPath: "\(temporary)/blob")[.size]
                as? Int64,
            size == mine
        {
            return
        }
        // What is there is damaged: it goes aside, which is one step, and then away.
        let aside = "\(temporary).damaged"
        if rename(place, aside) == 0 { try? FileManager.default.removeItem(atPath: aside) }
        guard rename(temporary, place) == 0 || errno == EEXIST || errno == ENOTEMPTY else {
            throw .system(operation: "put in place", path: place, errno: errno)
        }
    }

    private static func extract(
        _ path: String,
        digest: SHA256Digest,
        to directory: String,
        finalBlob: String
    ) throws(DebError) -> PackageIndex {
        var package: DebPackage?
        var members: [Member] = []
        var blob = try BlobWriter(path: "\(directory)/blob")
        try DebPackage.read(path) { (part, reader) throws(DebError) in
            switch part {
            case .control:
                package = try DebPackage(controlArchive: &reader, of: path)
            case .data:
                guard let name = package?.name else { return }
                members = try extractMembers(
                    from: &reader,
                    of: path,
                    origin: name,
                    blob: &blob,
                    at: finalBlob
                )
            }
        }
        guard let package else { throw .malformed(package: path, reason: "it has no control.tar member") }
        try blob.finish()
        return PackageIndex(digest: digest, package: package, members: members, contentSize: blob.size)
    }

    private static func extractMembers(
        from reader: inout ArchiveReader,
        of path: String,
        origin: String,
        blob: inout BlobWriter,
        at finalBlob: String
    ) throws(DebError) -> [Member] {
        var members: [Member] = []
        // Putting every member into a tree of its own finds those that climb out of their place, whatever else
        // will be in the image.
        var tree = FileTree()
        do {
            while let entry = try reader.next() {
                let kind: Node.Kind
                switch entry.kind {
                case .file:
                    kind = .file(
                        try blob.append(&reader, size: entry.size, member: entry.path, at: finalBlob)
                    )
                case .directory: kind = .directory
                case .symlink(let target):
                    guard !target.isEmpty else {
                        throw DebError.member(
                            package: path,
                            reason: "the symlink '\(entry.path)' has no target"
                        )
                    }
                    kind = .symlink(target: target)
                case .hardLink(let target): kind = .hardLink(to: try relative(target, package: path))
                case .characterDevice(let major, let minor):
                    kind = .characterDevice(major: major, minor: minor)
                case .blockDevice(let major, let minor): kind = .blockDevice(major: major, minor: minor)
                case .fifo: kind = .fifo
                }
                let node = Node(
                    kind: kind,
                    mode: entry.mode,
                    uid: entry.uid,
                    gid: entry.gid,
                    xattrs: entry.xattrs,
                    origin: origin
                )
                let place = try relative(entry.path, package: path)
                try tree.insert(node, at: entry.path)
                members.append(Member(path: place, node: node))
            }
        } catch let error as FileTreeError {
            throw .member(package: path, reason: error.description)
        } catch let error as ArchiveError {
            throw .malformed(package: path, reason: error.problem)
        } catch let error as DebError {
            throw error
        } catch {
            throw .malformed(package: path, reason: "\(error)")
        }
        return members
    }

    /// The absolute place of a member, whose name must be relative: dpkg would unpack `/x` to `/x` of the host.
    private static func relative(_ name: String, package: String) throws(DebError) -> String {
        guard !name.hasPrefix("/"), !name.isEmpty else {
            throw .member(package: package, reason: "the member name '\(name)' is not relative ('./usr/...')")
        }
        let parts = name.split(separator: "/").filter { $0 != "." }
        return "/" + parts.joined(separator: "/")
    }

    private static func writeDurably(_ bytes: [UInt8], to path: String) throws(DebError) {
        var writer = try BlobWriter(path: path)
        try writer.append(bytes)
        try writer.finish()
    }

    private static func synchronise(_ directory: String) throws(DebError) {
        let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system(operation: "open", path: directory, errno: errno) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else {
            throw .system(operation: "write to disk", path: directory, errno: errno)
        }
    }
}
