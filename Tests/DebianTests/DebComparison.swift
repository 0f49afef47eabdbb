import FileTree
import Foundation
import Hashing
import TestSupport
import Testing

@testable import Debian

/// Compares an unpacked package with what dpkg-deb makes of the same file.
enum DebComparison {
    static func expectEqual(
        _ unpacked: UnpackedPackage,
        toDpkgOn path: String,
        in directory: TemporaryDirectory
    ) throws {
        let name = "\(unpacked.package.name)-\(unpacked.digest.hex.prefix(8))"
        // The listing: types, modes, owners, sizes and names.
        let tar = directory.file("\(name).tar")
        let shell = try runTool("sh", "-c", "dpkg-deb --fsys-tarfile \"$1\" > \"$2\"", "sh", path, tar)
        try #require(shell.status == 0, "\(shell.output)")
        let listing = try runTool("tar", "--numeric-owner", "--quoting-style=literal", "-tvf", tar)
        let theirs = listing.output.split(separator: "\n").map { line in
            let words = line.split(separator: " ", maxSplits: 5, omittingEmptySubsequences: true)
            return ([words[0], words[1], words[2]] + words[5...]).joined(separator: " ")
        }
        #expect(unpacked.members.map(line) == theirs)

        // The contents.
        let target = directory.file("\(name)-x")
        let extracted = try runTool("dpkg-deb", "-x", path, target)
        try #require(extracted.status == 0, "\(extracted.output)")
        for member in unpacked.members {
            if case .file(let content) = member.node.kind {
                #expect(
                    try SHA256Digest(hashingFile: target + member.path) == content.digest,
                    "\(member.path)"
                )
            }
        }
        try unpacked.verifyContents()
        try FileManager.default.removeItem(atPath: target)
        try FileManager.default.removeItem(atPath: tar)
    }

    /// A member as `tar -tv` shows it, without the time.
    private static func line(_ member: UnpackedPackage.Member) -> String {
        let node = member.node
        var type = "-"
        var size = "0"
        var name = member.path == "/" ? "./" : "." + member.path
        switch node.kind {
        case .directory:
            type = "d"
            if member.path != "/" { name += "/" }
        case .file(let content): size = "\(content.size)"
        case .hardLink(let target):
            type = "h"
            name += " link to .\(target)"
        case .symlink(let target):
            type = "l"
            name += " -> \(target)"
        case .characterDevice(let major, let minor): (type, size) = ("c", "\(major),\(minor)")
        case .blockDevice(let major, let minor): (type, size) = ("b", "\(major),\(minor)")
        case .fifo: type = "p"
        }
        var text = type
        for (shift, special, letters) in [
            (6, 0o4000, ("s", "S")), (3, 0o2000, ("s", "S")), (0, 0o1000, ("t", "T")),
        ] {
            let bits = Int(node.mode) >> shift & 7
            text += bits & 4 != 0 ? "r" : "-"
            text += bits & 2 != 0 ? "w" : "-"
            if Int(node.mode) & special != 0 {
                text += bits & 1 != 0 ? letters.0 : letters.1
            } else {
                text += bits & 1 != 0 ? "x" : "-"
            }
        }
        return "\(text) \(node.uid)/\(node.gid) \(size) \(name)"
    }
}
