import Foundation
import Glibc
import Hashing
import TestSupport
import Verity

/// Data that repeats from run to run and has no two equal blocks.
func sampleBytes(blocks: Int, seed: UInt64 = 1) -> [UInt8] {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    var bytes = [UInt8](repeating: 0, count: blocks * VerityFormat.blockSize)
    bytes.withUnsafeMutableBytes { buffer in
        for word in buffer.bindMemory(to: UInt64.self).indices {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            buffer.storeBytes(of: state, toByteOffset: word * 8, as: UInt64.self)
        }
    }
    return bytes
}

let sampleSalt = (0..<32).map { UInt8($0 * 7 & 255) }
let sampleUUID: [UInt8] = [
    0x6b, 0x1f, 0x3c, 0x2a, 0x11, 0x22, 0x43, 0x44, 0x85, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc,
]
let sampleUUIDText = "6b1f3c2a-1122-4344-8566-778899aabbcc"

/// Data and its hash device as files, made by `VerityTree`.
struct SampleDevice {
    let directory: TemporaryDirectory
    let dataPath: String
    let treePath: String
    let parameters: VerityParameters
    let rootHash: String

    init(blocks: Int, salt: [UInt8] = sampleSalt, workers: Int? = nil) throws {
        directory = try TemporaryDirectory()
        dataPath = directory.file("data")
        treePath = directory.file("tree")
        let bytes = sampleBytes(blocks: blocks)
        try Data(bytes).write(to: URL(filePath: dataPath))
        parameters = try VerityParameters(salt: salt, uuid: sampleUUID, dataSize: UInt64(bytes.count))
        let source = try VeritySource(path: dataPath)
        rootHash = try VerityTree.write(data: source, parameters: parameters, to: treePath, workers: workers)
            .hex
    }

    /// Inverts one bit of a file.
    func flip(_ path: String, at offset: UInt64) throws {
        let handle = try FileHandle(forUpdating: URL(filePath: path))
        defer { try? handle.close() }
        try handle.seek(toOffset: offset)
        let byte = try handle.read(upToCount: 1)?.first ?? 0
        try handle.seek(toOffset: offset)
        try handle.write(contentsOf: Data([byte ^ 0x10]))
    }

    func veritysetupVerifies() throws -> Bool {
        try runTool("veritysetup", "verify", dataPath, treePath, rootHash).status == 0
    }
}
