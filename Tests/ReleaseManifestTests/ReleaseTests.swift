import Foundation
import Hashing
import TestSupport
import Testing

@testable import ReleaseManifest

@Suite("release.json")
struct ReleaseTests {
    static let digest = SHA256Digest(hashing: "x")

    static func sample() -> Release {
        Release(
            variant: "vm-containerd",
            architecture: "amd64",
            version: "0.1.0~rc1",
            sourceDateEpoch: 1_700_000_000,
            sectorSize: 512,
            root: Release.Root(
                hash: digest,
                salt: HexBytes([0x00, 0xAB]),
                dataBlocks: 256,
                size: 1 << 20,
                sha256: digest,
                treeSize: 16384,
                treeSha256: digest
            ),
            uki: Release.File(file: "vm-containerd_0.1.0.efi", size: 1000, sha256: digest),
            disk: Release.Disk(
                size: 1 << 30,
                sha256: digest,
                partitions: [
                    Release.Partition(
                        label: "esp",
                        type: "c12a7328-f81f-11d2-ba4b-00a0c93ec93b",
                        uuid: "00000000-0000-4000-8000-000000000001",
                        size: 1 << 28
                    )
                ]
            ),
            kernelVersion: "6.12.48+deb13-cloud-amd64",
            commandLine: "console=ttyS0 roothash=\(digest.hex)",
            lock: Release.Lock(
                sha256: digest,
                changed: true,
                differences: [Release.LockDifference(package: "libc6", locked: "2.41-12", used: nil)]
            ),
            images: ["raw": Release.File(file: "disk.raw", size: 1 << 30, sha256: digest)],
            toolVersion: "0.1.0"
        )
    }

    @Test("The canonical text is this, to the byte")
    func canonical() throws {
        let hex = Self.digest.hex
        let expected = """
            {
              "architecture" : "amd64",
              "commandLine" : "console=ttyS0 roothash=\(hex)",
              "disk" : {
                "partitions" : [
                  {
                    "label" : "esp",
                    "size" : 268435456,
                    "type" : "c12a7328-f81f-11d2-ba4b-00a0c93ec93b",
                    "uuid" : "00000000-0000-4000-8000-000000000001"
                  }
                ],
                "sha256" : "\(hex)",
                "size" : 1073741824
              },
              "formatVersion" : 1,
              "images" : {
                "raw" : {
                  "file" : "disk.raw",
                  "sha256" : "\(hex)",
                  "size" : 1073741824
                }
              },
              "kernelVersion" : "6.12.48+deb13-cloud-amd64",
              "lock" : {
                "changed" : true,
                "differences" : [
                  {
                    "locked" : "2.41-12",
                    "package" : "libc6"
                  }
                ],
                "sha256" : "\(hex)"
              },
              "root" : {
                "blockSize" : 4096,
                "dataBlocks" : 256,
                "hash" : "\(hex)",
                "salt" : "00ab",
                "sha256" : "\(hex)",
                "size" : 1048576,
                "treeSha256" : "\(hex)",
                "treeSize" : 16384
              },
              "sectorSize" : 512,
              "sourceDateEpoch" : 1700000000,
              "toolVersion" : "0.1.0",
              "uki" : {
                "file" : "vm-containerd_0.1.0.efi",
                "sha256" : "\(hex)",
                "size" : 1000
              },
              "variant" : "vm-containerd",
              "version" : "0.1.0~rc1"
            }

            """
        let bytes = try Self.sample().encoded()
        #expect(String(decoding: bytes, as: UTF8.self) == expected)
        let decoded = try Release(decoding: bytes)
        #expect(decoded == Self.sample())
        #expect(try decoded.encoded() == bytes)
    }

    @Test("The table of transports comes back as it was written, and impossible ones are refused")
    func transports() throws {
        var release = Self.sample()
        let digest = SHA256Digest(hashing: "old")
        release.transports = Release.Transports(
            frames: .init(file: "root.zst", size: 9000, sha256: Self.digest),
            index: .init(file: "root.index", size: 400, sha256: Self.digest),
            packs: [
                Release.Pack(
                    from: digest,
                    file: .init(file: "a.pack", size: 500, sha256: Self.digest),
                    headSize: 100,
                    headSha256: digest
                )
            ],
            kernel: [.init(size: 1, sha256: digest), .init(size: 999, sha256: Self.digest)]
        )
        let bytes = try release.encoded()
        #expect(try Release(decoding: bytes) == release)
        let changes: [(inout Release.Transports) -> Void] = [
            { $0.frames.file = "../root.zst" }, { $0.index.size = 0 }, { $0.index.file = "root.zst" },
            { $0.packs[0].from = Self.digest }, { $0.packs[0].headSize = 501 }, { $0.packs[0].headSize = 0 },
            { $0.packs[0].file.file = "root.index" }, { $0.packs.append($0.packs[0]) },
            { $0.packs[0].file.size = 9 << 40 },
            { $0.kernel = [] }, { $0.kernel?[0].size = 0 }, { $0.kernel?[0].size = 2 },
            { $0.kernel?[1].size = 998 }, { $0.kernel?[1].size = .max }, { $0.kernel?[0].size = .max },
            { $0.kernel?.insert(.init(size: 0, sha256: digest), at: 1) },
            { $0.kernel?.append(.init(size: 1, sha256: digest)) },
        ]
        for change in changes {
            var bad = release
            var transports = try #require(bad.transports)
            change(&transports)
            bad.transports = transports
            #expect(throws: ReleaseManifestError.self) { try bad.encoded() }
        }
    }

    @Test("A kernel image has at most 1024 parts, and none of them named by an older tool")
    func kernelParts() throws {
        var release = Self.sample()
        release.uki.size = 2000
        let file = Release.File(file: "root.zst", size: 1, sha256: Self.digest)
        func parts(_ count: Int) -> [Release.Part] {
            (1...count).map { .init(size: $0 < count ? 1 : 2001 - UInt64(count), sha256: Self.digest) }
        }
        release.transports = .init(
            frames: file,
            index: .init(file: "root.index", size: 1, sha256: Self.digest),
            packs: []
        )
        #expect(try Release(decoding: release.encoded()).transports?.kernel == nil)
        release.transports?.kernel = parts(1024)
        #expect(try Release(decoding: release.encoded()).transports?.kernel?.count == 1024)
        release.transports?.kernel = parts(1025)
        let error = #expect(throws: ReleaseManifestError.self) { try release.encoded() }
        #expect(error?.description.contains("transports.kernel") == true)
    }

    @Test("Unknown keys are ignored and do not come back")
    func unknownKeys() throws {
        let text = String(decoding: try Self.sample().encoded(), as: UTF8.self)
        let more = text.replacing("\"formatVersion\"", with: "\"extra\": [1, {}], \"formatVersion\"")
        let decoded = try Release(decoding: Array(more.utf8))
        #expect(try decoded.encoded() == Array(text.utf8))
    }

    @Test("An image without programs says so; a release of an older tool says nothing")
    func hostPrograms() throws {
        #expect(try Release(decoding: Self.sample().encoded()).hostPrograms == nil)
        var release = Self.sample()
        release.hostPrograms = false
        #expect(try Release(decoding: release.encoded()).hostPrograms == false)
    }

    @Test("An image that can update says by which root metadata")
    func updateRoot() throws {
        #expect(try Release(decoding: Self.sample().encoded()).updateRoot == nil)
        var release = Self.sample()
        release.updateRoot = SHA256Digest(hashing: "root")
        #expect(try Release(decoding: release.encoded()).updateRoot == SHA256Digest(hashing: "root"))
    }

    @Test(
        "A wrong value is named by its key",
        arguments: [
            ("\"vm-containerd\"", "\"../etc\"", "variant"), ("\"amd64\"", "\"\"", "architecture"),
            ("\"0.1.0~rc1\"", "\"1/2\"", "version"), ("\"0.1.0~rc1\"", "\".1\"", "version"),
            (": 1700000000", ": 253402300800", "sourceDateEpoch"), (": 512", ": 513", "sectorSize"),
            ("\"disk.raw\"", "\"/disk.raw\"", "images.raw.file"),
            ("\"disk.raw\"", "\"..\"", "images.raw.file"),
            ("0.1.0.efi", "0.1.0", "uki.file"), (": 4096", ": 512", "root.blockSize"),
            (": 256,", ": 257,", "root.dataBlocks"), (": 1048576", ": 18446744073709551615", "root.size"),
            (": 16384", ": 0", "root.treeSize"), ("roothash=", "roothash=0", "commandLine"),
            ("console=ttyS0 ", "", nil), ("\"changed\" : true", "\"changed\" : false", "lock.changed"),
            (": 268435456", ": 1073741824", "disk.size"),
            ("\"label\" : \"esp\"", "\"label\" : \"\\n\"", "disk.partitions.0.label"),
            ("c12a7328-", "c12A7328-", "disk.partitions.0.type"),
            ("-8000-", "-800-", "disk.partitions.0.uuid"),
            ("\"00ab\"", "\"" + String(repeating: "00", count: 257) + "\"", "root.salt"),
            ("6.12.48", String(repeating: "6", count: 129), "kernelVersion"),
        ] as [(String, String, String?)]
    )
    func badValue(_ old: String, _ new: String, _ key: String?) throws {
        let text = String(decoding: try Self.sample().encoded(), as: UTF8.self)
        try #require(text.contains(old))
        let changed = Array(text.replacing(old, with: new).utf8)
        guard let key else {
            _ = try Release(decoding: changed)
            return
        }
        let error = #expect(throws: ReleaseManifestError.self) { try Release(decoding: changed) }
        guard case .badValue(key, _, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test(
        "What has the wrong shape is named by its path",
        arguments: [
            ("\"00ab\"", "\"0\"", "root.salt"), ("\"00ab\"", "7", "root.salt"),
            (": 16384", ": -1", ""), (": 16384", ": 1.5", ""),
            (": 16384", ": 99999999999999999999", ""),
            ("\"treeSize\"", "\"treesize\"", "root.treeSize"), ("\"amd64\"", "null", "architecture"),
        ]
    )
    func malformed(_ old: String, _ new: String, _ path: String) throws {
        let text = String(decoding: try Self.sample().encoded(), as: UTF8.self)
        let changed = Array(text.replacing(old, with: new).utf8)
        let error = #expect(throws: ReleaseManifestError.self) { try Release(decoding: changed) }
        guard case .malformed(path, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test("Another format, too many bytes and other files are refused as what they are")
    func otherFiles() throws {
        #expect(throws: ReleaseManifestError.unsupportedFormat(version: 2)) {
            try Release(decoding: Array("{\"formatVersion\": 2}".utf8))
        }
        let size = Release.sizeLimit + 1
        #expect(throws: ReleaseManifestError.tooLarge(size: size, limit: Release.sizeLimit)) {
            try Release(decoding: [UInt8](repeating: 0x20, count: size))
        }
        let texts = ["", "[]", "{}", "nonsense", String(repeating: "[", count: 500_000)]
        for text in texts {
            #expect(throws: ReleaseManifestError.self) { try Release(decoding: Array(text.utf8)) }
        }
        var wrong = Self.sample()
        wrong.version = "a b"
        #expect(throws: ReleaseManifestError.self) { try wrong.encoded() }
    }

    @Test("Cut and damaged files end in an error or a value that is valid")
    func hostile() throws {
        let bytes = try Self.sample().encoded()
        for length in 0..<(bytes.count - 2) {
            #expect(throws: ReleaseManifestError.self) { try Release(decoding: Array(bytes[..<length])) }
        }
        for position in bytes.indices {
            var damaged = bytes
            damaged[position] ^= UInt8(1 << (position % 8))
            if let release = try? Release(decoding: damaged) { try release.validate() }
        }
    }
}

@Suite("SHA256SUMS")
struct ChecksumListTests {
    @Test("sha256sum -c accepts what is written, and notices a changed file")
    func golden() throws {
        let directory = try TemporaryDirectory()
        var entries: [ChecksumList.Entry] = []
        for name in ["b.raw", "a_1.0~rc1^2.efi", "release.json"] {
            try Data(name.utf8).write(to: directory.url.appending(path: name))
            entries.append(ChecksumList.Entry(name: name, sha256: SHA256Digest(hashing: name)))
        }
        let list = try ChecksumList(entries)
        #expect(list.entries.map(\.name) == ["a_1.0~rc1^2.efi", "b.raw", "release.json"])
        try Data(list.encoded().utf8).write(to: directory.url.appending(path: "SHA256SUMS"))
        let check = "cd '\(directory.path)' && sha256sum -c --strict SHA256SUMS"
        let good = try runTool("sh", "-c", check)
        #expect(good.status == 0, "\(good.output)")
        try Data("changed".utf8).write(to: directory.url.appending(path: "b.raw"))
        #expect(try runTool("sh", "-c", check).status == 1)

        let theirs = try runTool("sh", "-c", "cd '\(directory.path)' && sha256sum -b a_* release.json")
        let parsed = try ChecksumList(parsing: Array(theirs.output.utf8))
        #expect(parsed["release.json"] == SHA256Digest(hashing: "release.json"))
        #expect(parsed["b.raw"] == nil)
        #expect(try ChecksumList(parsing: Array(list.encoded().utf8)) == list)
    }

    @Test(
        "Lines that are cut, lead elsewhere or come twice are refused",
        arguments: [
            ("H  a\nH  b", 2), ("H  ../a\n", 1), ("H  /a\n", 1), ("H  a b\n", 1), ("H  \n", 1), ("H a\n", 1),
            ("\\H  a\n", 1), ("H  a\nH  a\n", 2), ("\n", 1), ("H  a\n\n", 2), ("H", 1), ("H  ..\n", 1),
            ("0H  a\n", 1),
            ("H  a\\b\n", 1), ("H  a\r\n", 1),
        ]
    )
    func refused(_ text: String, _ line: Int) {
        let bytes = Array(text.replacing("H", with: SHA256Digest(hashing: "").hex).utf8)
        let error = #expect(throws: ReleaseManifestError.self) { try ChecksumList(parsing: bytes) }
        guard case .badLine(line, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test("A list may be empty, but not endless")
    func limits() throws {
        #expect(try ChecksumList(parsing: []).entries.isEmpty)
        #expect(throws: ReleaseManifestError.self) {
            try ChecksumList(parsing: [UInt8](repeating: 0x0A, count: ChecksumList.sizeLimit + 1))
        }
    }
}
