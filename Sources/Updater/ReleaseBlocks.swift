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
    private let warn: @Sendable (String) -> Void
    private var hasWarned = false

    /// Prepares; nothing is read or fetched yet.
    ///
    /// - Parameters:
    ///   - make: makes the update, which no other task may have.
    ///   - slot: the inactive slot's root partition.
    ///   - warn: is told once, if there is a pack for this host that can't be used.
    init(
        slot: any BlockDevice,
        warn: @escaping @Sendable (String) -> Void,
        make: @Sendable () throws -> BlockUpdate
    ) throws {
        self.slot = slot
        self.warn = warn
        update = try make()
    }

    /// Decides where every block comes from, and fetches what that needs.
    ///
    /// - Returns: With the plan, what is known of each block, and which blocks the slot lacks.
    func prepare() async throws -> (plan: BlockPlan, index: LeafIndex, missing: BlockSet) {
        defer { tellOfPack() }
        let plan = try await update.plan(for: slot)
        self.plan = plan
        var missing = BlockSet(capacity: update.blockCount)
        for run in plan.runs where run.source != .inPlace {
            missing.insert(Int(run.blocks.lowerBound)..<Int(run.blocks.upperBound))
        }
        return (plan, LeafIndex(leaves: update.leaves), missing)
    }

    func deliver(_ missing: BlockSet, to sink: BlockSink) async throws {
        defer { tellOfPack() }
        let plan: BlockPlan
        if isFirst, let first = self.plan {
            plan = first
        } else {
            plan = try await update.repair(slot)
        }
        isFirst = false
        try await WriteQueue.run(to: sink) { queue in
            try await update.run(plan, progress: { _ in }) { first, bytes in
                try await queue.put(bytes, at: UInt64(first))
            }
        }
    }

    private func tellOfPack() {
        guard !hasWarned, let failure = update.packFailure else { return }
        hasWarned = true
        warn("the pack for the running release is not used, so that more is fetched: \(failure)")
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
