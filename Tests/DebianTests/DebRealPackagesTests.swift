import FileTree
import Foundation
import Hashing
import TestSupport
import Testing

@testable import Debian

/// Debian's own packages, which no test fetches: `BULKHEAD_TEST_DEBS` names a directory that holds some.
@Suite struct DebRealPackagesTests {
    private static let packages: [String] = {
        guard let directory = ProcessInfo.processInfo.environment["BULKHEAD_TEST_DEBS"] else { return [] }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        return names.filter { $0.hasSuffix(".deb") }.sorted().map { "\(directory)/\($0)" }
    }()

    @Test func unpackAsDpkgDebDoes() async throws {
        guard !Self.packages.isEmpty else {
            print("SKIPPED: set BULKHEAD_TEST_DEBS to a directory with .deb files (apt-get download PACKAGE)")
            return
        }
        let directory = try TemporaryDirectory()
        let clock = ContinuousClock()
        var start = clock.now
        let all = try await unpackAll(cache: directory.file("cache"))
        print("unpacked \(all.count) packages in \(clock.now - start)")
        start = clock.now
        let again = try await unpackAll(cache: directory.file("cache"))
        print("loaded \(again.count) packages in \(clock.now - start)")
        #expect(all == again)
        for (path, unpacked) in zip(Self.packages, all) {
            try DebComparison.expectEqual(unpacked, toDpkgOn: path, in: directory)
        }

        start = clock.now
        var tree = FileTree()
        try UnpackedPackage.insert(all, into: &tree)
        print("\(tree.count) entries in the tree in \(clock.now - start)")
        var other = FileTree()
        try UnpackedPackage.insert(all.reversed(), into: &other)
        #expect(tree.digest() == other.digest())

        start = clock.now
        let tar = directory.file("all.tar")
        try TarWriter(modificationTime: 0).write(tree, to: tar)
        let size = try FileManager.default.attributesOfItem(atPath: tar)[.size] as? Int ?? 0
        print("tar of \(size) bytes in \(clock.now - start)")
        let listed = try runTool("bsdtar", "-tf", tar)
        #expect(listed.status == 0)
        #expect(listed.output.split(separator: "\n").count == tree.count)

        let initrd = directory.file("all.cpio")
        try NewcWriter(modificationTime: 0).write(tree, to: initrd)
        let names = try runTool("cpio", "--quiet", "-itF", initrd)
        #expect(names.status == 0 && names.output.split(separator: "\n").count == tree.count)
        try expectErofs(of: tree, tar: tar, in: directory)

        start = clock.now
        let patterns = try (0..<150).map { try PathPattern("/usr/share/doc\($0)/**/x*.\($0)") }
        let removed = tree.apply(FilterRules(remove: patterns + [try PathPattern("/usr/share/doc/**")]))
        print("filtered \(removed.count) entries by 151 patterns in \(clock.now - start)")
        start = clock.now
        let report = try tree.audit(AuditRule.standard)
        print("audit with \(report.findings.count) findings in \(clock.now - start)")
    }

    /// Makes an EROFS of the whole tree, unpacks it again and compares every file.
    private func expectErofs(of tree: FileTree, tar: String, in directory: TemporaryDirectory) throws {
        guard try runTool("mkfs.erofs", "--help").output.contains("--tar") else {
            print("SKIPPED: mkfs.erofs in PATH has no --tar (erofs-utils 1.7 or later is needed)")
            return
        }
        let image = directory.file("all.erofs")
        let made = try runTool("mkfs.erofs", "--tar=f", "-T0", image, tar)
        try #require(made.status == 0, "\(made.output)")
        let target = directory.file("all")
        let checked = try runTool("fsck.erofs", "--extract=\(target)", "--no-preserve-owner", image)
        try #require(checked.status == 0, "\(checked.output)")
        let found = try FileManager.default.subpathsOfDirectory(atPath: target)
        #expect(Set(found.map { "/" + $0 }) == Set(tree.map(\.path).filter { $0 != "/" }))
        for (path, node) in tree {
            if let content = tree.content(at: path) {
                #expect(try SHA256Digest(hashingFile: target + path) == content.digest, "\(path)")
            } else if let link = node.symlinkTarget {
                #expect(try FileManager.default.destinationOfSymbolicLink(atPath: target + path) == link)
            }
        }
    }

    private func unpackAll(cache: String) async throws -> [UnpackedPackage] {
        try await withThrowingTaskGroup(of: (Int, UnpackedPackage).self) { group in
            var results: [Int: UnpackedPackage] = [:]
            for (index, path) in Self.packages.enumerated() {
                if index >= 2, let (done, package) = try await group.next() { results[done] = package }
                group.addTask {
                    let digest = try SHA256Digest(hashingFile: path)
                    return (index, try UnpackedPackage(path: path, digest: digest, cache: cache))
                }
            }
            for try await (done, package) in group { results[done] = package }
            return results.sorted { $0.key < $1.key }.map(\.value)
        }
    }
}
