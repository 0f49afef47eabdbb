import BlockDevices
import Foundation
import ReleaseManifest
import Synchronization
import TestSupport
import Testing

@testable import UpdateBlocks

@Suite("What goes on without a source, and what ends")
struct FallbackTests {
    /// How a pack may be wrong on every server.
    enum Fault: CaseIterable {
        case missing, headTampered, segmentsTampered, segmentsMissing
    }

    private struct NotFound: Error {}

    /// A release with a pack from another one, of some changed blocks.
    private func release() async throws -> (old: [[UInt8]], release: Published) {
        var random = Seeded(state: 70)
        let old = random.blocks(600)
        var new = old
        for block in 100..<180 { new[block] = random.block() }
        return (old, try await Published(new, from: old))
    }

    @Test("Without a good pack the index and ranges are used", arguments: Fault.allCases)
    func packIsWrong(_ fault: Fault) async throws {
        let (old, release) = try await release()
        let server = try release.server
        let headSize = release.transports.packs[0].headSize
        server.state.withLock { state in
            state.tamper = { name, piece in
                guard name == "a.pack" else { return [piece] }
                let isHead = piece.offset < headSize
                switch fault {
                case .missing: throw NotFound()
                case .segmentsMissing: if isHead { return [piece] } else { throw NotFound() }
                case .headTampered where isHead, .segmentsTampered where !isHead:
                    var bytes = piece.bytes
                    bytes[bytes.count / 2] ^= 1
                    return [RemotePiece(offset: piece.offset, bytes: bytes, source: piece.source)]
                default: return [piece]
                }
            }
        }
        let update = try release.update(running: old, server: server)
        let slot = try disk([], spare: release.blocks.count)
        var last = BlockUpdate.Progress()
        let plan = try await update.plan(for: slot)
        try await update.run(plan, progress: { last = $0 }) { try slot.write($1, at: UInt64($0 * size)) }
        #expect(try content(slot, release.blocks.count) == joined(release.blocks))
        #expect(last.blocks == last.blocksInAll && last.bytes <= last.bytesInAll)
        // Nothing more than what changed.
        #expect(update.bytesFetched < release.transports.frames.size / 2)
        switch (fault, update.packFailure) {
        case (.missing, is NotFound), (.segmentsMissing, is NotFound): break
        case (.headTampered, let error as UpdateBlocksError),
            (.segmentsTampered, let error as UpdateBlocksError):
            #expect(error == .wrongDigest(artefact: "a.pack", source: "mirror.example"))
        default: Issue.record("\(fault): \(String(describing: update.packFailure))")
        }
    }

    @Test("Without any server the error is the last one's")
    func nothing() async throws {
        let (old, release) = try await release()
        let server = try release.server
        server.state.withLock { $0.tamper = { _, _ in throw NotFound() } }
        let update = try release.update(running: old, server: server)
        let slot = try disk([], spare: release.blocks.count)
        await #expect(throws: NotFound.self) { _ = try await update.plan(for: slot) }
    }

    @Test("What the sink throws ends the run, and says nothing of the pack")
    func sinkFails() async throws {
        struct Full: Error {}
        let (old, release) = try await release()
        let update = try release.update(running: old, server: release.server)
        let plan = try await update.plan(for: try disk([], spare: release.blocks.count))
        #expect(plan.method == .pack)
        await #expect(throws: Full.self) {
            try await update.run(plan, progress: { _ in }) { first, _ in
                if (100..<180).contains(first) { throw Full() }
            }
        }
        #expect(update.packFailure == nil)
    }

    @Test("A run that is cancelled does not begin anew without the pack")
    func cancelled() async throws {
        let (old, release) = try await release()
        let server = try release.server
        let headSize = release.transports.packs[0].headSize
        server.state.withLock { state in
            state.tamper = { name, piece in
                if name == "a.pack", piece.offset >= headSize { withUnsafeCurrentTask { $0?.cancel() } }
                try Task.checkCancellation()
                return [piece]
            }
        }
        let sent = try await Task {
            let update = try release.update(running: old, server: server)
            let slot = try disk([], spare: release.blocks.count)
            let plan = try await update.plan(for: slot)
            await #expect(throws: CancellationError.self) {
                try await update.run(plan, progress: { _ in }) { _, _ in }
            }
            #expect(update.packFailure == nil)
            return server.state.withLock { $0.bytes["root.zst"] ?? 0 }
        }.value
        #expect(sent == 0)
    }

    @Test("A disk that does not keep what is written ends the repairs")
    func diskIsUnreliable() async throws {
        let (_, release) = try await release()
        let update = try release.update(running: nil, server: release.server)
        let slot = FaultyDisk(
            try disk([], spare: release.blocks.count),
            [.altering(at: UInt64(333 * size))]
        )
        var plan = try await update.plan(for: slot)
        var failure: (any Error)?
        for _ in 0..<3 where failure == nil {
            try await update.run(plan, progress: { _ in }) { try slot.write($1, at: UInt64($0 * size)) }
            do { plan = try await update.repair(slot) } catch { failure = error }
        }
        #expect(failure as? UpdateBlocksError == .unreliableDisk(device: "slot", block: 333))
    }

    @Test("What the medium has lost is missed, though the page cache still has it")
    func mediumHasLostABlock() async throws {
        let (_, release) = try await release()
        let medium = try disk([], spare: release.blocks.count)
        let slot = CachedDisk(medium)
        let update = try release.update(running: nil, server: release.server)
        let plan = try await update.plan(for: slot)
        try await update.run(plan, progress: { _ in }) { try slot.write($1, at: UInt64($0 * size)) }
        try slot.flush()
        try medium.write([UInt8](repeating: 0, count: size), at: UInt64(333 * size))
        await #expect(throws: UpdateBlocksError.unreliableDisk(device: "slot", block: 333)) {
            try await update.repair(slot)
        }
        let next = try release.update(running: nil, server: release.server)
        let rest = try await next.plan(for: slot)
        #expect(rest.fetched.runs == [333..<334])
        try await next.run(rest, progress: { _ in }) { try slot.write($1, at: UInt64($0 * size)) }
        try slot.flush()
        #expect(try content(medium, release.blocks.count) == joined(release.blocks))
    }

    @Test("A repair may be the first thing that is asked for")
    func repairComesFirst() async throws {
        let (old, release) = try await release()
        let update = try release.update(running: old, server: release.server)
        let slot = try disk(release.blocks)
        try slot.write([0xFF], at: UInt64(50 * size))
        let plan = try await update.repair(slot)
        try await update.run(plan, progress: { _ in }) { try slot.write($1, at: UInt64($0 * size)) }
        #expect(try content(slot, release.blocks.count) == joined(release.blocks))
    }
}
