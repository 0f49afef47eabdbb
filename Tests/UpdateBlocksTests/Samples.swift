import BlockDevices
import Foundation
import Hashing
import ReleaseManifest
import Synchronization
import TestSupport
import Testing
import Verity

@testable import UpdateBlocks

let size = BlockFormat.blockSize
let sampleSalt = (0..<32).map { UInt8($0 * 7 & 255) }

/// Numbers that repeat from run to run (SplitMix64).
struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }

    /// A block, half of which compresses.
    mutating func block() -> [UInt8] {
        let words = (0..<size / 16).flatMap { _ in withUnsafeBytes(of: next()) { Array($0) } }
        return words + [UInt8](repeating: words[0], count: size - words.count)
    }

    mutating func blocks(_ count: Int) -> [[UInt8]] { (0..<count).map { _ in block() } }
}

/// Two images that share most blocks: some moved, copied, changed, taken away, put in, or zero.
struct ImagePair {
    let old: [[UInt8]]
    let new: [[UInt8]]

    init(seed: UInt64, blocks: Int = 120) {
        var random = Seeded(state: seed)
        var old = random.blocks(blocks)
        old[blocks / 3] = [UInt8](repeating: 0, count: size)
        var new = old
        for _ in 0..<Int.random(in: 1...8, using: &random) {
            let start = Int.random(in: 0..<new.count, using: &random)
            let run = start..<min(start + Int.random(in: 1...12, using: &random), new.count)
            switch Int.random(in: 0..<6, using: &random) {
            case 0: for block in run { new[block][Int.random(in: 0..<size, using: &random)] ^= 0x55 }
            case 1: new.replaceSubrange(run, with: random.blocks(run.count))
            case 2: new.insert(contentsOf: random.blocks(run.count), at: start)
            case 3: if run.count < new.count { new.removeSubrange(run) }
            case 4: new.insert(contentsOf: Array(new[run]), at: Int.random(in: 0...new.count, using: &random))
            default: for block in run { new[block] = [UInt8](repeating: 0, count: size) }
            }
        }
        self.old = old
        self.new = new
    }
}

/// A disk in memory with blocks; it is longer than they are, as a slot is.
func disk(_ blocks: [[UInt8]], name: String = "slot", spare: Int = 0) throws -> RecordedDisk {
    let disk = RecordedDisk(name: name, byteCount: UInt64((blocks.count + spare) * size))
    for (number, block) in blocks.enumerated() { try disk.write(block, at: UInt64(number * size)) }
    return disk
}

/// The bytes of blocks, one after the other; `joined()` makes them one by one, slowly where nothing is optimised.
func joined(_ blocks: [[UInt8]]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(blocks.count * size)
    for block in blocks { bytes += block }
    return bytes
}

func rootHash(_ blocks: [[UInt8]], salt: [UInt8] = sampleSalt) throws -> SHA256Digest {
    let bytes = joined(blocks)
    return try VerityTree.build(
        data: VeritySource(name: "image", bytes: bytes),
        parameters: VerityParameters(
            salt: salt,
            uuid: [UInt8](repeating: 1, count: 16),
            dataSize: UInt64(bytes.count)
        ),
        workers: 1
    ) { _, _ in }
}

/// A release with all of its artefacts, published in a folder.
struct Published {
    let folder: TemporaryDirectory
    let blocks: [[UInt8]]
    let root: Release.Root
    var transports: Release.Transports
    let hasher: LeafHasher

    init(_ blocks: [[UInt8]], from old: [[UInt8]]? = nil, mask: UInt64 = .max) async throws {
        folder = try TemporaryDirectory()
        self.blocks = blocks
        hasher = LeafHasher(salt: sampleSalt, mask: mask)
        let hash = try rootHash(blocks)
        let image = try disk(blocks, name: "new")
        let made = try await RootFramesWriter.write(
            image: image,
            rootHash: hash,
            salt: sampleSalt,
            hasher: hasher,
            framesPath: folder.file("root.zst"),
            indexPath: folder.file("root.index")
        )
        root = Release.Root(
            hash: hash,
            salt: HexBytes(sampleSalt),
            dataBlocks: UInt64(blocks.count),
            size: UInt64(blocks.count * size),
            sha256: SHA256Digest(hashing: joined(blocks)),
            treeSize: 4096,
            treeSha256: hash
        )
        transports = Release.Transports(
            frames: .init(file: "root.zst", size: made.frames.size, sha256: made.frames.sha256),
            index: .init(file: "root.index", size: made.index.size, sha256: made.index.sha256),
            packs: []
        )
        guard let old else { return }
        let oldHash = try rootHash(old)
        let pack = try #require(
            try await PackWriter.write(
                from: .init(image: disk(old, name: "old"), rootHash: oldHash, salt: sampleSalt),
                to: .init(image: image, rootHash: hash, salt: sampleSalt),
                path: folder.file("a.pack")
            )
        )
        transports.packs = [
            Release.Pack(
                from: oldHash,
                file: .init(file: "a.pack", size: pack.pack.size, sha256: pack.pack.sha256),
                headSize: pack.head.size,
                headSha256: pack.head.sha256
            )
        ]
    }

    func bytes(_ name: String) throws -> [UInt8] {
        try [UInt8](Data(contentsOf: folder.url.appending(path: name)))
    }

    /// An update to this release, from a server that behaves as told.
    func update(
        running old: [[UInt8]]?,
        slot: RecordedDisk? = nil,
        server: Server,
        tables: (any TableStore)? = nil
    ) throws -> BlockUpdate {
        let running = try old.map {
            BlockUpdate.Running(
                device: try slot ?? disk($0, name: "active", spare: 5),
                rootHash: try rootHash($0),
                blockCount: $0.count
            )
        }
        let update = try BlockUpdate(
            root: root,
            transports: transports,
            running: running,
            tables: tables
        ) {
            server.file($0.file)
        }
        update.hasher = hasher
        return update
    }

    var server: Server { get throws { try Server(names(), read: bytes) } }

    private func names() -> [String] {
        [transports.frames.file, transports.index.file] + transports.packs.map(\.file.file)
    }
}

/// Tables that outlive an update, in memory.
final class KeptTables: TableStore {
    let bytes = Mutex<[SHA256Digest: [UInt8]]>([:])

    func read(_ sha256: SHA256Digest, size: Int) -> [UInt8]? { bytes.withLock { $0[sha256] } }

    func keep(_ bytes: [UInt8], _ sha256: SHA256Digest) { self.bytes.withLock { $0[sha256] = bytes } }
}

/// Serves files from memory, rightly or not, and counts.
final class Server: Sendable {
    struct State {
        var files: [String: [UInt8]] = [:]
        var bytes: [String: Int] = [:]
        var requests: [[Range<UInt64>]] = []
        var hasRanges = true
        /// Changes a piece, or takes it away.
        var tamper: (@Sendable (String, RemotePiece) throws -> [RemotePiece])?
    }

    let state: Mutex<State>

    init(_ names: [String], read: (String) throws -> [UInt8]) throws {
        var files: [String: [UInt8]] = [:]
        for name in names { files[name] = try read(name) }
        state = Mutex(State(files: files))
    }

    func file(_ name: String) -> any RemoteFile { File(server: self, name: name) }

    var bytesSent: Int { state.withLock { $0.bytes.values.reduce(0, +) } }

    struct File: RemoteFile {
        let server: Server
        let name: String

        func read(_ ranges: [Range<UInt64>], _ body: (RemotePiece) async throws -> Void) async throws {
            let (bytes, tamper) = try server.state.withLock { state in
                state.requests.append(ranges)
                guard state.hasRanges || ranges.count == 1 && ranges[0].lowerBound == 0 else {
                    throw RemoteFileError.noRanges(source: "mirror.example")
                }
                return (state.files[name] ?? [], state.tamper)
            }
            // Several ranges come interleaved, in pieces of odd sizes.
            var open = ranges.filter { $0.upperBound <= UInt64(bytes.count) }
            var turn = 0
            while !open.isEmpty {
                let at = turn % open.count
                let range = open[at]
                let count = min(3001 + turn % 97, range.count)
                let start = Int(range.lowerBound)
                var pieces = [
                    RemotePiece(
                        offset: range.lowerBound,
                        bytes: Array(bytes[start..<start + count]),
                        source: "mirror.example"
                    )
                ]
                if let tamper { pieces = try pieces.flatMap { try tamper(name, $0) } }
                for piece in pieces {
                    server.state.withLock { $0.bytes[name, default: 0] += piece.bytes.count }
                    try await body(piece)
                }
                if count == range.count {
                    open.remove(at: at)
                } else {
                    open[at] = range.lowerBound + UInt64(count)..<range.upperBound
                }
                turn += 1
            }
        }
    }
}

/// Installs into a slot as the engine does: plan, run, and repairs until the root hash is right.
func install(_ update: BlockUpdate, _ release: Published, into slot: RecordedDisk) async throws -> BlockPlan {
    var plan = try await update.plan(for: slot)
    let first = plan
    for _ in 0..<4 {
        var seen = BlockSet(capacity: release.blocks.count)
        try await update.run(plan, progress: { _ in }) { block, bytes in
            #expect(bytes.count % size == 0 && bytes.count > 0 && bytes.count <= 64 * size)
            for offset in 0..<bytes.count / size {
                #expect(!seen.contains(block + offset), "block \(block + offset) comes twice")
                seen.insert(block + offset)
            }
            try slot.write(bytes, at: UInt64(block * size))
        }
        if try content(slot, release.blocks.count) == joined(release.blocks) { return first }
        plan = try await update.repair(slot)
    }
    Issue.record("the slot does not become right")
    return first
}

func content(_ slot: RecordedDisk, _ blocks: Int) throws -> [UInt8] {
    try slot.read(at: 0, count: blocks * size)
}
