import Foundation
import Hashing
import Testing
import Verity

@Suite struct VerityVerificationTests {
    private func report(_ device: SampleDevice, trusted: Bool = false) throws -> VerityReport {
        try VerityVerification.verify(
            data: VeritySource(path: device.dataPath),
            tree: VeritySource(path: device.treePath),
            rootHash: #require(SHA256Digest(hex: device.rootHash)),
            parameters: trusted ? device.parameters : nil
        )
    }

    private typealias TreeBlock = VerityReport.TreeBlock

    @Test(arguments: [1, 2, 128, 129, 16385]) func untouchedDeviceIsIntact(_ blocks: Int) throws {
        let device = try SampleDevice(blocks: blocks)
        let report = try report(device)
        #expect(report.isIntact)
        #expect(report.parameters == device.parameters)
        #expect(report.computedRootHash.hex == device.rootHash)
    }

    @Test(arguments: [0, 4095, 4096, 128 * 4096, 16384 * 4096 + 17] as [UInt64])
    func flippedDataByteIsFound(_ offset: UInt64) throws {
        let device = try SampleDevice(blocks: 16385)
        try device.flip(device.dataPath, at: offset)
        let report = try report(device)
        #expect(!report.isIntact && !report.dataIsIntact)
        #expect(report.corruptDataBlocks == [offset / 4096 * 4096])
        #expect(report.corruptDataBlockCount == 1)
        #expect(report.corruptTreeBlocks.isEmpty)
        #expect(try !device.veritysetupVerifies())
    }

    /// Pieces of 32 blocks and of 128; 129 leaves leave one over in both.
    @Test(
        arguments: [
            (access: .cached, flip: nil), (.direct, nil),
            (.cached, (0, 40 * 4096)), (.direct, (0, 40 * 4096)), (.cached, (0, 132 * 4096)),
            (.direct, (0, 132 * 4096)),
            (.cached, (1, 3 * 4096)), (.direct, (2, 4096)),
        ] as [(access: VeritySource.Access, flip: (level: Int, offset: Int)?)]
    )
    func aTreeIsProvenWithoutItsData(
        _ sample: (access: VeritySource.Access, flip: (level: Int, offset: Int)?)
    ) throws {
        let device = try SampleDevice(blocks: 16385)
        if let flip = sample.flip { try device.flip(device.treePath, at: UInt64(flip.offset)) }
        let tree = try Data(contentsOf: URL(filePath: device.treePath))
        let file = try VeritySource(path: device.treePath)
        var leaves: [[UInt8]] = []
        let corrupt = try VerityVerification.firstCorruptBlock(
            ofTree: VeritySource(name: "tree", byteCount: file.byteCount, access: sample.access) {
                offset,
                buffer throws(VerityError) in
                try file.read(at: offset, into: buffer)
            },
            rootHash: #require(SHA256Digest(hex: device.rootHash)),
            parameters: device.parameters
        ) { number, block in
            #expect(number == leaves.count)
            leaves.append(block)
        }
        #expect(corrupt == sample.flip.map { TreeBlock(level: $0.level, byteOffset: UInt64($0.offset)) })
        // Superblock, one block and two are before the leaves.
        let right = sample.flip.map { $0.level == 0 ? $0.offset / 4096 - 4 : 0 } ?? 129
        #expect(leaves.count == right)
        #expect(leaves.joined().elementsEqual(tree[(4 * 4096)...].prefix(right * 4096)))
    }

    @Test func onlyBlockWithoutATreeIsChecked() throws {
        let device = try SampleDevice(blocks: 1)
        try device.flip(device.dataPath, at: 77)
        #expect(try report(device).corruptDataBlocks == [0])
        #expect(try !device.veritysetupVerifies())
    }

    /// 16385 blocks have three levels: one top block, two blocks, 129 leaves.
    @Test(arguments: [
        (level: 2, offset: 4096 + 5), (level: 1, offset: 2 * 4096 + 32 * 3), (level: 1, offset: 3 * 4096),
        (level: 0, offset: 4 * 4096), (level: 0, offset: 60 * 4096 + 4095),
        (level: 0, offset: 132 * 4096 + 2),
        // Padding behind the last digest: part of the hashed block.
        (level: 2, offset: 4096 + 64), (level: 0, offset: 132 * 4096 + 4000),
    ])
    func flippedTreeByteIsFoundAtItsLevel(_ flip: (level: Int, offset: Int)) throws {
        let device = try SampleDevice(blocks: 16385)
        try device.flip(device.treePath, at: UInt64(flip.offset))
        let report = try report(device)
        #expect(!report.isIntact)
        #expect(report.dataIsIntact)
        #expect(report.corruptDataBlockCount == 0)
        let block = TreeBlock(level: flip.level, byteOffset: UInt64(flip.offset / 4096 * 4096))
        #expect(report.corruptTreeBlocks == [block])
        #expect(try !device.veritysetupVerifies())
    }

    @Test func damageInDataAndTreeIsToldApart() throws {
        let device = try SampleDevice(blocks: 16385)
        // The top's entry for the second block below it; a leaf's entry; data under another leaf.
        try device.flip(device.treePath, at: 4096 + 40)
        try device.flip(device.treePath, at: 10 * 4096)
        try device.flip(device.dataPath, at: 100 * 128 * 4096)
        let report = try report(device)
        #expect(report.corruptDataBlocks == [100 * 128 * 4096])
        #expect(
            report.corruptTreeBlocks == [
                TreeBlock(level: 2, byteOffset: 4096), TreeBlock(level: 0, byteOffset: 10 * 4096),
            ]
        )
    }

    @Test func listsAreBoundedAndTotalsAreNot() throws {
        let device = try SampleDevice(blocks: 2000)
        try Data(count: 2000 * 4096).write(to: URL(filePath: device.dataPath))
        let report = try report(device)
        #expect(report.corruptDataBlocks.count == VerityReport.listLimit)
        #expect(report.corruptDataBlockCount == 2000)
        #expect(report.corruptTreeBlocks.isEmpty)
    }

    @Test func superblockIsHeldAgainstTrustedParameters() throws {
        for offset in [0, 9, 13, 20, 33, 65, 72, 80, 90, 400] as [UInt64] {
            let device = try SampleDevice(blocks: 130)
            try device.flip(device.treePath, at: offset)
            let trusted = try report(device, trusted: true)
            #expect(trusted.superblockIsCorrupt && !trusted.isIntact)
            #expect(trusted.dataIsIntact && trusted.corruptTreeBlockCount == 0)
            // Alone, everything but the UUID is noticed: as a bad field, a bad size or a tree that fails.
            let alone = try? report(device)
            #expect((alone?.isIntact ?? false) == (offset == 20))
        }
    }

    @Test func wrongRootHashIsNotIntact() throws {
        let device = try SampleDevice(blocks: 200)
        let report = try VerityVerification.verify(
            data: VeritySource(path: device.dataPath),
            tree: VeritySource(path: device.treePath),
            rootHash: SHA256Digest(hashing: "something else")
        )
        #expect(!report.isIntact && !report.dataIsIntact)
        #expect(report.corruptTreeBlocks == [TreeBlock(level: 1, byteOffset: 4096)])
    }

    @Test func shortTreeIsAnError() throws {
        let device = try SampleDevice(blocks: 200)
        let root = try #require(SHA256Digest(hex: device.rootHash))
        let tree = try Array(Data(contentsOf: URL(filePath: device.treePath)))
        for count in [0, 1, 511, 512, 4096, 8192, tree.count - 1] {
            let error = #expect(throws: VerityError.self) {
                try VerityVerification.verify(
                    data: VeritySource(path: device.dataPath),
                    tree: VeritySource(name: "tree", bytes: Array(tree[..<count])),
                    rootHash: root
                )
            }
            let expected: VerityError =
                count < 512
                ? .superblock(.tooShort(count))
                : .truncated(name: "tree", byteCount: UInt64(count), needed: UInt64(tree.count))
            #expect(error == expected)
        }
    }
}

@Suite struct VeritySuperblockTests {
    private var bytes: [UInt8] {
        get throws {
            let parameters = try VerityParameters(salt: sampleSalt, uuid: sampleUUID, dataBlockCount: 3)
            return VeritySuperblock.serialise(parameters)
        }
    }

    @Test func parsesWhatItWrites() throws {
        for salt in [[], sampleSalt, [UInt8](repeating: 9, count: 256)] {
            let parameters = try VerityParameters(salt: salt, uuid: sampleUUID, dataBlockCount: 1 << 32)
            #expect(try VeritySuperblock.parse(VeritySuperblock.serialise(parameters)) == parameters)
        }
    }

    @Test func everyTruncationIsRefused() throws {
        let bytes = try bytes
        for count in 0..<512 {
            #expect(throws: VerityError.superblock(.tooShort(count))) {
                try VeritySuperblock.parse(Array(bytes[..<count]))
            }
        }
    }

    /// Whatever is accepted is exactly what would be written.
    @Test func everyBitCountsOrIsRefused() throws {
        let bytes = try bytes
        for bit in 0..<512 * 8 {
            var changed = bytes
            changed[bit / 8] ^= 1 << (bit % 8)
            guard let parameters = try? VeritySuperblock.parse(changed) else { continue }
            #expect(VeritySuperblock.serialise(parameters) == changed)
        }
    }

    @Test(arguments: [
        (0, 0x56, VerityError.SuperblockDefect.signature), (8, 2, .version(2)), (12, 0, .hashType(0)),
        (37, 0, .algorithm), (70, 1, .blockSize(data: 4096, hash: 0x11000)), (72, 0, .dataBlocks(0)),
        (79, 0xff, .dataBlocks(0xff00_0000_0000_0003)), (81, 0xff, .saltSize(0xff20)), (82, 1, .padding),
        (120, 1, .padding), (511, 1, .padding),
    ])
    func wrongFieldIsNamed(_ change: (Int, UInt8, VerityError.SuperblockDefect)) throws {
        var bytes = try bytes
        bytes[change.0] = change.1
        let error = #expect(throws: VerityError.superblock(change.2)) { try VeritySuperblock.parse(bytes) }
        #expect(error?.description.contains("superblock") == true)
    }
}
