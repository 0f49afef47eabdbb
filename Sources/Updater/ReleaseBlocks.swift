import BlockDevices
import ReleaseManifest
import UpdateBlocks
import UpdateEngine

/// The blocks of a release for the slot's installer: planned, fetched and checked by `BlockUpdate`.
///
/// Unchecked: one task prepares, and then the installer asks for one delivery after the other.
final class ReleaseBlocks: BlockSource, @unchecked Sendable {
    private let update: BlockUpdate
    private let slot: any BlockDevice
    private var plan: BlockPlan?
    private var isFirst = true

    /// Prepares; nothing is read or fetched yet.
    ///
    /// - Parameters:
    ///   - make: makes the update, which no other task may have.
    ///   - slot: the inactive slot's root partition.
    init(
        slot: any BlockDevice,
        make: @Sendable () throws -> BlockUpdate
    ) throws {
        self.slot = slot
        update = try make()
    }

    /// Decides where every block comes from, and fetches what that needs.
    func prepare() async throws -> (plan: BlockPlan, index: LeafIndex) {
        let plan = try await update.plan(for: slot)
        self.plan = plan
        return (plan, LeafIndex(leaves: update.leaves))
    }

    func deliver(_ missing: UpdateEngine.BlockSet, to sink: BlockSink) async throws {
        let plan: BlockPlan
        if isFirst, let first = self.plan {
            plan = first
        } else {
            plan = try await update.repair(slot)
        }
        isFirst = false
        try await update.run(plan, progress: { _ in }) { first, bytes in
            try await sink.write(bytes, at: UInt64(first))
        }
    }
}

/// What is known of a release's blocks before they are there: the first 8 bytes of each leaf.
struct LeafIndex: BlockIndex {
    let leaves: [UInt64]

    func isRight(_ block: UInt64, digest: UnsafeRawBufferPointer) -> Bool {
        guard let block = Int(exactly: block), block < leaves.count, digest.count >= 8 else { return false }
        return digest.loadUnaligned(as: UInt64.self).littleEndian == leaves[block]
    }
}
