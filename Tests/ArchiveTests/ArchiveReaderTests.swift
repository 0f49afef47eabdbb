import Archive
import Foundation
import TestSupport
import Testing

private let limits = ArchiveLimits(maximumEntries: 100, maximumBytes: 1 << 24)

/// What a reader gave: the entries, and their data by path.
private struct Contents {
    var entries: [ArchiveEntry] = []
    var data: [String: [UInt8]] = [:]

    init(_ reader: consuming ArchiveReader) throws {
        var reader = reader
        while let entry = try reader.next() {
            entries.append(entry)
            if entry.kind == .file { data[entry.path] = try reader.readAll(limit: 1 << 24) }
        }
    }
}

private func bytes(of path: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: URL(filePath: path)))
}

@Suite struct ArchiveReaderTests {
    let directory: TemporaryDirectory
    let payload = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 13) }

    init() throws {
        directory = try TemporaryDirectory()
        let root = directory.file("root")
        let manager = FileManager.default
        try manager.createDirectory(atPath: root + "/dir/größe", withIntermediateDirectories: true)
        try Data(payload).write(to: URL(filePath: root + "/dir/data"))
        try Data("text".utf8).write(to: URL(filePath: root + "/dir/größe/Őtanúsítvány"))
        try manager.createSymbolicLink(atPath: root + "/link", withDestinationPath: "dir/data")
        try manager.linkItem(atPath: root + "/dir/data", toPath: root + "/dir/other")
        try manager.setAttributes([.posixPermissions: 0o4751], ofItemAtPath: root + "/dir/data")
    }

    private func makeTar(_ arguments: [String]) throws -> String {
        let path = directory.file("test.tar")
        let result = try runTool(
            "tar",
            ["-C", directory.file("root"), "--sort=name", "--owner=12", "--group=34", "-cf", path] + arguments
                + ["."]
        )
        try #require(result.status == 0, "\(result.output)")
        return path
    }

    @Test(arguments: [[], ["--xz"], ["--zstd"], ["--gzip"]], ["gnu", "pax", "ustar"])
    func readsWhatTarWrites(_ compression: [String], _ format: String) throws {
        let path = try makeTar(["--format=\(format)"] + compression)
        let contents = try Contents(ArchiveReader(path: path, format: .tar, limits: limits))
        #expect(
            contents.entries.map(\.path)
                == [
                    "./", "./dir/", "./dir/data", "./dir/größe/", "./dir/größe/Őtanúsítvány", "./dir/other",
                    "./link",
                ]
        )
        #expect(contents.data["./dir/data"] == payload)
        #expect(contents.data["./dir/größe/Őtanúsítvány"] == Array("text".utf8))
        #expect(contents.entries[2].mode == 0o4751)
        #expect(contents.entries[2].uid == 12 && contents.entries[2].gid == 34)
        #expect(contents.entries[2].size == 300_000)
        #expect(contents.entries[5].kind == .hardLink(target: "./dir/data"))
        #expect(contents.entries[6].kind == .symlink(target: "dir/data"))
    }

    @Test func readsFromMemoryAndFromAMemberOfAnotherArchive() throws {
        let path = try makeTar(["--xz"])
        let outer = directory.file("outer.ar")
        #expect(try runTool("ar", "qS", outer, path).status == 0)
        let inMemory = try Contents(
            ArchiveReader(bytes: try bytes(of: path), name: "memory", format: .tar, limits: limits)
        )
        var reader = try ArchiveReader(path: outer, format: .ar, limits: limits)
        let member = try #require(try reader.next())
        #expect(member.path == "test.tar")
        let nested = try Contents(
            ArchiveReader(nestedIn: reader, name: "inner", format: .tar, limits: limits)
        )
        #expect(nested.entries == inMemory.entries)
        #expect(nested.data == inMemory.data)
        #expect(try reader.next() == nil)
    }

    @Test func nestedReaderNoticesThatItsMemberIsOver() throws {
        let path = try makeTar([])
        let outer = directory.file("outer.ar")
        try Data("x".utf8).write(to: URL(filePath: directory.file("last")))
        #expect(try runTool("ar", "qS", outer, path, directory.file("last")).status == 0)
        var reader = try ArchiveReader(path: outer, format: .ar, limits: limits)
        _ = try reader.next()
        var inner = try ArchiveReader(nestedIn: reader, name: "inner", format: .tar, limits: limits)
        _ = try inner.next()
        _ = try reader.next()
        #expect(throws: ArchiveError.outOfOrder(file: outer)) {
            while try inner.next() != nil {}
        }
    }

    @Test func extendedAttributesOfPaxHeadersAreRead() throws {
        func record(_ text: String) -> String { "\(text.utf8.count + 4) \(text)\n" }
        let capability = "SCHILY.xattr.security.capability=\u{1}binary"
        let path = directory.file("x.tar")
        try Data(payload).write(to: URL(filePath: directory.file("file")))
        let made = try runTool(
            "tar",
            "-C",
            directory.path,
            "--format=pax",
            "--pax-option=\(capability.replacing("=", with: ":=", maxReplacements: 1))",
            "-cf",
            path,
            "file"
        )
        try #require(made.status == 0, "\(made.output)")
        let contents = try Contents(ArchiveReader(path: path, format: .tar, limits: limits))
        #expect(contents.entries.first?.xattrs == ["security.capability": [1] + Array("binary".utf8)])
    }

    @Test(arguments: [["--gzip"], ["--xz"], ["--zstd"]])
    func truncatedArchivesAreErrorsThatNameTheFile(_ compression: [String]) throws {
        let whole = try bytes(of: try makeTar(compression))
        for length in Swift.stride(from: 0, to: whole.count * 9 / 10, by: max(1, whole.count / 60)) {
            let error = #expect(throws: ArchiveError.self, "\(length) bytes") {
                _ = try Contents(
                    ArchiveReader(
                        bytes: Array(whole[..<length]),
                        name: "cut.tar",
                        format: .tar,
                        limits: limits
                    )
                )
            }
            #expect(error?.description.contains("cut.tar") ?? false)
        }
    }

    @Test func damagedArchivesNeverCrash() throws {
        let whole = try bytes(of: try makeTar(["--format=pax"]))
        // Headers only: the last 8 KiB and the first 4 KiB.
        for position in Array(0..<4096) + Array((whole.count - 12288)..<whole.count) where position % 3 == 0 {
            var damaged = whole
            damaged[position] ^= UInt8(truncatingIfNeeded: 1 << (position % 8))
            _ = try? Contents(ArchiveReader(bytes: damaged, name: "damaged", format: .tar, limits: limits))
        }
    }

    @Test func limitsAreKept() throws {
        let path = try makeTar([])
        #expect(throws: ArchiveError.limit(file: path, what: "members", limit: 3)) {
            _ = try Contents(
                ArchiveReader(
                    path: path,
                    format: .tar,
                    limits: .init(maximumEntries: 3, maximumBytes: 1 << 30)
                )
            )
        }
        #expect(throws: ArchiveError.limit(file: path, what: "bytes of data", limit: 299_999)) {
            _ = try Contents(
                ArchiveReader(
                    path: path,
                    format: .tar,
                    limits: .init(maximumEntries: 30, maximumBytes: 299_999)
                )
            )
        }
    }

    @Test func otherFilesAreNotArchives() throws {
        let path = directory.file("text")
        try Data(String(repeating: "no archive\n", count: 100).utf8).write(to: URL(filePath: path))
        #expect(throws: ArchiveError.self) {
            _ = try Contents(ArchiveReader(path: path, format: .tar, limits: limits))
        }
        #expect(throws: ArchiveError.self) {
            _ = try Contents(ArchiveReader(path: path, format: .ar, limits: limits))
        }
        let missing = directory.file("missing")
        let error = #expect(throws: ArchiveError.self) {
            _ = try ArchiveReader(path: missing, format: .tar, limits: limits).name
        }
        #expect(error?.description.contains(missing) ?? false)
    }
}

@Suite struct CompressedStreamTests {
    let payload = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 / 7) }

    private func compressed(_ tool: String) throws -> [UInt8] {
        let directory = try TemporaryDirectory()
        let path = directory.file("module.ko")
        try Data(payload).write(to: URL(filePath: path))
        #expect(try runTool(tool, "-k", path).status == 0)
        let suffix = ["xz": "xz", "gzip": "gz", "zstd": "zst"][tool] ?? tool
        return try bytes(of: "\(path).\(suffix)")
    }

    @Test(arguments: ["xz", "gzip", "zstd"])
    func unpacksSingleStreams(_ tool: String) throws {
        let packed = try compressed(tool)
        #expect(try CompressedStream.decompress(packed, name: "module.ko", limit: 100_000) == payload)
        #expect(throws: ArchiveError.limit(file: "module.ko", what: "bytes of data", limit: 99_999)) {
            try CompressedStream.decompress(packed, name: "module.ko", limit: 99_999)
        }
        for length in Swift.stride(from: 0, to: packed.count - 1, by: max(1, packed.count / 50)) {
            #expect(throws: ArchiveError.self, "\(length) of \(packed.count)") {
                try CompressedStream.decompress(Array(packed[..<length]), name: "module.ko", limit: 1 << 20)
            }
        }
    }

    @Test func plainBytesAreRefused() throws {
        #expect(throws: ArchiveError.notCompressed(file: "plain")) {
            try CompressedStream.decompress(payload, name: "plain", limit: 1 << 20)
        }
        #expect(throws: ArchiveError.notCompressed(file: "empty")) {
            try CompressedStream.decompress([], name: "empty", limit: 1 << 20)
        }
    }
}
