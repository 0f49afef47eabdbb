import Foundation
import Hashing
import Synchronization
import TestSupport
import Testing
import Verity

@Suite struct VerityTreeTests {
    @Test(
        arguments: [1, 2, 127, 128, 129, 700, 16384, 16385],
        [[], [0xab], sampleSalt, [UInt8](repeating: 0x5c, count: 256)] as [[UInt8]]
    )
    func treeEqualsVeritysetups(blocks: Int, salt: [UInt8]) throws {
        let device = try SampleDevice(blocks: blocks, salt: salt)
        let expected = device.directory.file("expected")
        let tool = try runTool(
            "veritysetup",
            "format",
            device.dataPath,
            expected,
            "--uuid=\(sampleUUIDText)",
            "--salt=\(salt.isEmpty ? "-" : Hex.encode(salt))"
        )
        #expect(tool.status == 0, "\(tool.output)")
        let root = tool.output.split(separator: "\n").first { $0.hasPrefix("Root hash:") }
        #expect(root.map { $0.hasSuffix(device.rootHash) } == true)
        let ours = try Data(contentsOf: URL(filePath: device.treePath))
        #expect(try ours == Data(contentsOf: URL(filePath: expected)))
        #expect(UInt64(ours.count) == VerityLayout(device.parameters).byteCount)
        #expect(try device.veritysetupVerifies())
    }

    @Test(arguments: [1, 2, 3, 7]) func treeDoesNotDependOnTheNumberOfWorkers(_ workers: Int) throws {
        let device = try SampleDevice(blocks: 1000, workers: workers)
        #expect(device.rootHash == (try SampleDevice(blocks: 1000, workers: 1)).rootHash)
    }

    @Test func everyBlockIsWrittenOnce() throws {
        let bytes = sampleBytes(blocks: 300)
        let parameters = try VerityParameters(salt: sampleSalt, uuid: sampleUUID, dataBlockCount: 300)
        let written = Mutex<[UInt64: Int]>([:])
        _ = try VerityTree.build(
            data: VeritySource(name: "sample", bytes: bytes),
            parameters: parameters
        ) { offset, bytes throws(VerityError) in
            written.withLock { $0[offset, default: 0] += bytes.count }
        }
        // Superblock, top, three leaves.
        #expect(written.withLock { $0 } == [0: 4096, 4096: 4096, 8192: 4096, 12288: 4096, 16384: 4096])
    }

    @Test func partOfAFileIsASource() throws {
        let device = try SampleDevice(blocks: 200)
        let disk = device.directory.file("disk")
        let content =
            sampleBytes(blocks: 3, seed: 9) + sampleBytes(blocks: 200) + sampleBytes(blocks: 5, seed: 8)
        try Data(content).write(to: URL(filePath: disk))
        let part = try VeritySource(path: disk, offset: 3 * 4096, byteCount: 200 * 4096)
        let tree = device.directory.file("part")
        let root = try VerityTree.write(data: part, parameters: device.parameters, to: tree)
        #expect(root.hex == device.rootHash)
    }

    @Test(arguments: [0, 1, 4095, 4097, 8191] as [UInt64])
    func dataOfOtherThanWholeBlocksIsRefused(_ size: UInt64) {
        #expect(throws: VerityError.dataSize(size)) {
            try VerityParameters(salt: [], uuid: sampleUUID, dataSize: size)
        }
    }

    @Test func parametersAreChecked() {
        #expect(throws: VerityError.saltSize(257)) {
            try VerityParameters(salt: [UInt8](repeating: 0, count: 257), uuid: sampleUUID, dataSize: 4096)
        }
        #expect(throws: VerityError.uuidSize(15)) {
            try VerityParameters(salt: [], uuid: Array(sampleUUID.dropLast()), dataSize: 4096)
        }
        #expect(throws: VerityError.dataBlockCount(.max)) {
            try VerityParameters(salt: [], uuid: sampleUUID, dataBlockCount: .max)
        }
    }

    @Test func shortDataIsAnError() throws {
        let parameters = try VerityParameters(salt: [], uuid: sampleUUID, dataBlockCount: 200)
        let source = VeritySource(name: "short", bytes: sampleBytes(blocks: 199))
        #expect(throws: VerityError.truncated(name: "short", byteCount: 199 * 4096, needed: 200 * 4096)) {
            try VerityTree.build(data: source, parameters: parameters) { _, _ in }
        }
    }

    @Test func failedReadAndFailedWriteEndTheBuildAndLeaveNoFile() throws {
        let directory = try TemporaryDirectory()
        let parameters = try VerityParameters(salt: [], uuid: sampleUUID, dataBlockCount: 2000)
        let failure = VerityError.read(path: "medium", offset: 1 << 20, errno: EIO)
        let broken = VeritySource(name: "medium", byteCount: 2000 * 4096) {
            offset,
            buffer throws(VerityError) in
            if offset >= 1 << 20 { throw failure }
            buffer.initializeMemory(as: UInt8.self, repeating: 0)
        }
        #expect(throws: failure) {
            try VerityTree.write(data: broken, parameters: parameters, to: directory.file("tree"))
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).isEmpty)

        let good = VeritySource(name: "good", bytes: sampleBytes(blocks: 2000))
        let full = VerityError.write(path: "tree", offset: 0, errno: ENOSPC)
        #expect(throws: full) {
            try VerityTree.build(data: good, parameters: parameters) { _, _ throws(VerityError) in throw full
            }
        }
    }

    @Test func missingFilesAreNamed() throws {
        #expect(throws: VerityError.open(path: "/nonexistent/data", errno: ENOENT)) {
            try VeritySource(path: "/nonexistent/data")
        }
        let device = try SampleDevice(blocks: 1)
        #expect(throws: VerityError.truncated(name: device.dataPath, byteCount: 4096, needed: 8192)) {
            try VeritySource(path: device.dataPath, offset: 4096, byteCount: 4096)
        }
        #expect(throws: VerityError.truncated(name: device.dataPath, byteCount: 4096, needed: .max)) {
            try VeritySource(path: device.dataPath, offset: 2, byteCount: .max)
        }
    }
}
