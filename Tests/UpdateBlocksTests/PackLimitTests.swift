import Hashing
import Testing

@testable import UpdateBlocks

@Suite("Limits of packs")
struct PackLimitTests {
    /// The head of a pack to a root of 4 GiB in which everything is new.
    private func head(prefixRuns: Int) -> PackHead {
        let digest = SHA256Digest(hashing: [1])
        let count = BlockFormat.maximumBlockCount
        return PackHead(
            from: digest,
            to: SHA256Digest(hashing: [2]),
            oldBlockCount: 1,
            blockCount: count,
            leavesDigest: digest,
            runs: [.init(count: UInt32(count), source: .segments)],
            segmentLeaves: [UInt64](repeating: 0, count: count),
            segments: Array(
                repeating: .init(
                    blockCount: UInt32(PackHead.maximumSegmentBlocks),
                    byteCount: 1,
                    sha256: digest,
                    prefix: Array(repeating: 0..<1, count: prefixRuns)
                ),
                count: count / PackHead.maximumSegmentBlocks
            )
        )
    }

    @Test("A head that hosts would refuse is not made")
    func size() throws {
        #expect(try head(prefixRuns: 500).encoded() != nil)
        #expect(try head(prefixRuns: PackHead.maximumPrefixRuns).encoded() == nil)
    }
}
