import Bytes
import EROFS
import Foundation
import Glibc
import TestSupport

/// A tree on disk with files of all sizes and kinds that matter, and images of it made by mkfs.erofs.
final class SampleTree: Sendable {
    /// What mkfs.erofs is told; the values are its options.
    enum Flavour: String, CaseIterable, Sendable {
        /// Flat files, compact inodes.
        case flat = "-T1600000000"
        /// Compact indexes, extents of up to 16 blocks, extended inodes.
        case largeExtents = "-zlz4hc -C65536"
        /// Compact indexes, extents of one block.
        case blockExtents = "-zlz4hc -T1600000000"
        /// Full indexes and padding behind the data.
        case fullIndexes = "-zlz4hc -C65536 -Elegacy-compress"
    }

    static let shared = Result { try SampleTree() }

    let directory: TemporaryDirectory
    /// Contents of the regular files by absolute path.
    let files: [String: [UInt8]]
    /// Targets of the symlinks.
    let links: [String: String]
    let directories: Set<String>
    private let images: [Flavour: [UInt8]]

    private init() throws {
        directory = try TemporaryDirectory()
        var random = Random(seed: 7)
        // mkfs.erofs 1.5 fails for names of 255 bytes.
        let longName = String(repeating: "n", count: 254)
        var files: [String: [UInt8]] = [
            "/empty": [], "/one": [0x41], "/gzip": [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3] + Self.text(60_000),
            "/etc/os-release": Array("ID=sample\n".utf8), "/etc-release": [0x42],
            "/zeros": [UInt8](repeating: 0, count: 1 << 20), "/text": Self.text(200 << 10),
            "/random": random.bytes(200 << 10), "/long/\(longName)": [1, 2, 3],
            "/long/üñï": [4],
        ]
        for size in [4095, 4096, 4097, 8192, 12_000] {
            files["/text\(size)"] = Self.text(size)
            files["/random\(size)"] = random.bytes(size)
        }
        // Runs of either kind, of lengths that leave extents starting at all offsets of a block.
        var mixed: [UInt8] = []
        while mixed.count < 3 << 20 {
            mixed += random.bytes(Int(random.next() % 70_000))
            mixed += Self.text(Int(random.next() % 150_000))
        }
        files["/mixed"] = mixed
        // So much noise that extents of up to 64 KiB cannot hide it: stored blocks, each an extent of its own.
        files["/noisy"] = Self.text(200_000) + random.bytes(250_000) + Self.text(100_000)
        for number in 0..<500 {
            files["/many/a file with a rather long name, so that blocks fill up \(number)"] = [
                UInt8(number & 255)
            ]
        }
        let links = [
            "/etc/link": "os-release", "/broken": "/nowhere/ünd",
            "/longlink": String(repeating: "0123456/", count: 500) + "x",
        ]
        let directories: Set<String> = ["/", "/etc", "/long", "/many", "/hollow"]
        self.files = files.merging(["/many/twin": [0x41]]) { old, _ in old }
        self.links = links
        self.directories = directories

        let root = directory.file("tree")
        for path in directories.sorted() {
            try FileManager.default.createDirectory(atPath: root + path, withIntermediateDirectories: true)
        }
        for (path, bytes) in files { try Data(bytes).write(to: URL(filePath: root + path)) }
        for (path, target) in links {
            try FileManager.default.createSymbolicLink(atPath: root + path, withDestinationPath: target)
        }
        try FileManager.default.linkItem(atPath: root + "/one", toPath: root + "/many/twin")
        guard mkfifo(root + "/fifo", 0o600) == 0, chmod(root + "/text", 0o4711) == 0 else {
            throw ToolFailure(output: "mkfifo or chmod failed")
        }
        let stamp = URL(filePath: root + "/text")
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSince1970: 1_234_567_890)],
            ofItemAtPath: stamp.path
        )

        var images: [Flavour: [UInt8]] = [:]
        for flavour in Flavour.allCases {
            images[flavour] = try Self.makeImage(
                of: root,
                at: directory.file("\(flavour).erofs"),
                options: flavour.rawValue
            )
        }
        self.images = images
    }

    func bytes(_ flavour: Flavour) -> [UInt8] { images[flavour] ?? [] }

    func image(_ flavour: Flavour) throws -> EROFSImage { try EROFSImage(ByteSource(bytes: bytes(flavour))) }

    func path(_ flavour: Flavour) -> String { directory.file("\(flavour).erofs") }

    static func makeImage(of tree: String, at path: String, options: String) throws -> [UInt8] {
        let fixed = ["--quiet", "--all-root", "-U", "01234567-89ab-cdef-0123-456789abcdef"]
        let run = try runTool(
            "mkfs.erofs",
            fixed + options.split(separator: " ").map(String.init) + [path, tree]
        )
        guard run.status == 0 else { throw ToolFailure(output: run.output) }
        return try [UInt8](Data(contentsOf: URL(filePath: path)))
    }

    /// Compressible text without long repetitions.
    static func text(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        var number = count
        while bytes.count < count {
            number &+= 1
            bytes += "line \(number &* 2_654_435_761 % 100_003) of a text that packs well\n".utf8
        }
        return Array(bytes.prefix(count))
    }
}

struct ToolFailure: Error { let output: String }

/// The same numbers in every run (SplitMix64).
struct Random {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
        return value ^ (value >> 31)
    }

    mutating func bytes(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) }
    }
}
