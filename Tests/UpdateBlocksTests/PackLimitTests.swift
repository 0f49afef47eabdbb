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
        let most = try #require(try head(prefixRuns: 500).encoded())
        let decoded = try PackHead(
            decoding: most,
            from: SHA256Digest(hashing: [1]),
            to: SHA256Digest(hashing: [2]),
            byteCount: UInt64(most.count + 4096)
        )
        #expect(decoded.segments.count == 4096)
        #expect(try head(prefixRuns: PackHead.maximumPrefixRuns).encoded() == nil)
    }
}
