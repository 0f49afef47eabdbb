import BlockDevices
import Hashing
import ReleaseManifest
import Zstd

extension BlockUpdate {
    /// How far a run is.
    public struct Progress: Sendable, Equatable {
        /// Blocks that were handed over.
        public internal(set) var blocks = 0
        /// Blocks that the plan hands over in all.
        public internal(set) var blocksInAll = 0
        /// Bytes that were fetched in this run.
        public internal(set) var bytes: UInt64 = 0
        /// Bytes that the plan fetches in all, as was estimated.
        public internal(set) var bytesInAll: UInt64 = 0
    }

    /// Takes blocks from a number on; whole blocks, at most 256 KiB.
    public typealias Sink = (_ first: Int, _ bytes: [UInt8]) async throws -> Void

    /// Hands over every block that a plan says the slot lacks, in no particular order, each once.
    ///
    /// Each was checked against its truncated leaf. A block that the running slot no longer has right is fetched, and
    /// so is one that a pack does not give for that reason, or because it can't be had. Where no server answers to ranges,
    /// streams are read.
    /// Memory is below 32 MiB besides the tables of the plan.
    ///
    /// - Parameters:
    ///   - plan: what `plan(for:)` or `repair(_:)` returned last.
    ///   - progress: is told after every piece.
    ///   - sink: writes blocks to the slot.
    /// - Throws: `UpdateBlocksError.wrongBlock`, `.wrongDigest` and `.wrongAnswer` with the name of the server at fault, if it was the last one;
    ///   what the remote files and the sink throw.
    public func run(_ plan: BlockPlan, progress: (Progress) -> Void, sink: Sink) async throws {
        try await withoutActuallyEscaping(progress) { progress in
            try await withoutActuallyEscaping(sink) { sink in
                let run = try BlockRun(update: self, plan: plan, progress: progress, sink: sink)
                try await run.perform()
            }
        }
    }
}

/// One run of a plan.
final class BlockRun {
    let update: BlockUpdate
    let plan: BlockPlan
    private let report: (BlockUpdate.Progress) -> Void
    private let sink: BlockUpdate.Sink
    private var progress = BlockUpdate.Progress()
    /// Blocks still to be fetched.
    private var missing: BlockSet
    private let decompressor: ZstdDecompressor
    /// What the sink threw: nothing to do with any server.
    private var sinkError: (any Error)?

    /// Parts of `root.zst` that are unpacked while the next ones are fetched, in the order in which they came.
    private var unpacking: [FramePart.Unpacking] = []
    /// Decompressors that none of the parts has.
    private var decompressors: [FramePart.Decompressor] = []

    /// Blocks that are handed over at a time: 256 KiB.
    private static let blocksPerPiece = 64
    /// Parts that are unpacked at a time; what is lost of them when this program is killed is fetched again.
    private static let partsAtOnce = 3
    private static let size = BlockFormat.blockSize

    init(
        update: BlockUpdate,
        plan: BlockPlan,
        progress: @escaping (BlockUpdate.Progress) -> Void,
        sink: @escaping BlockUpdate.Sink
    ) throws(UpdateBlocksError) {
        do throws(ZstdError) { decompressor = try ZstdDecompressor() } catch { throw .compression(error) }
        self.update = update
        self.plan = plan
        report = progress
        self.sink = sink
        missing = plan.fetched
        self.progress.blocksInAll = plan.blockCount { $0 != .inPlace }
        self.progress.bytesInAll = plan.byteCount
    }

    func perform() async throws {
        for run in plan.runs {
            switch run.source {
            case .inPlace, .fetch: continue
            case .zero: try await fill(run.blocks)
            case .active(let first): try await copy(run.blocks, from: first)
            }
        }
        if plan.method == .pack, let pack = update.pack {
            do {
                try await update.open(pack.file).withoutBadServers {
                    try await fetchSegments(pack.file, pack.head, headSize: pack.headSize)
                }
            } catch {
                if let sinkError { throw sinkError }
                try update.giveUpPack(error)
            }
        }
        guard missing.count > 0 else { return }
        let frames = try await update.loadedIndex().frames
        if plan.method == .pack, update.pack == nil {
            let rest = BlockPlan.rangeBytes(frames, missing, update.costs)
            progress.bytesInAll = progress.bytes + (update.hasRanges ? rest : frames.byteCount)
        }
        // What came of it is not missing any more when it is read again.
        try await update.open(update.transports.frames).withoutBadServers {
            try await fetchFrames(frames, inOneStream: plan.method == .stream || !update.hasRanges)
        }
        if let first = missing.runs.first {
            throw UpdateBlocksError.noSource(block: UInt32(first.lowerBound), count: missing.count)
        }
    }

    // MARK: Blocks of this machine

    private func fill(_ blocks: Range<UInt32>) async throws {
        var position = Int(blocks.lowerBound)
        while position < blocks.upperBound {
            let count = min(Self.blocksPerPiece, Int(blocks.upperBound) - position)
            try await handOver(position, [UInt8](repeating: 0, count: count * Self.size))
            position += count
        }
    }

    private func copy(_ blocks: Range<UInt32>, from first: UInt32) async throws {
        guard let device = update.running?.device else {
            return missing.insert(Int(blocks.lowerBound)..<Int(blocks.upperBound))
        }
        var done = 0
        while done < blocks.count {
            let count = min(Self.blocksPerPiece, blocks.count - done)
            let bytes = Self.read(device, Int(first) + done..<Int(first) + done + count)
            let start = Int(blocks.lowerBound) + done
            let found = check(start..<start + count, bytes)
            try await handOver(found, where: { _ in true })
            // What is no longer as it was hashed is fetched with the rest.
            for block in found.numbers where !found.isRight(block) { missing.insert(block) }
            done += count
        }
    }

    /// Blocks of the running slot; zeros for those that cannot be read.
    private static func read(_ device: any BlockDevice, _ blocks: Range<Int>) -> [UInt8] {
        do throws(BlockDeviceError) {
            return try device.read(at: UInt64(blocks.lowerBound * size), count: blocks.count * size)
        } catch {
            if blocks.count <= 1 { return [UInt8](repeating: 0, count: blocks.count * size) }
            return blocks.flatMap { read(device, $0..<$0 + 1) }
        }
    }

    // MARK: Blocks of servers

    private func fetchSegments(_ file: Release.File, _ head: PackHead, headSize: UInt64) async throws {
        var parts: [Range<UInt64>] = []
        var wanted: [(segment: PackHead.Segment, blocks: [Range<Int>])] = []
        var position = headSize
        for (segment, blocks) in zip(head.segments, head.segmentBlocks) {
            let range = position..<position + UInt64(segment.byteCount)
            position = range.upperBound
            guard blocks.contains(where: { missing.containsAny($0) }) else { continue }
            parts.append(range)
            wanted.append((segment, blocks))
        }
        try await fetch(file, parts, inOneStream: !update.hasRanges) { number, bytes, source in
            guard SHA256Digest(hashing: bytes) == wanted[number].segment.sha256 else {
                throw UpdateBlocksError.wrongDigest(artefact: file.file, source: source)
            }
            try await self.unpack(wanted[number].segment, wanted[number].blocks, bytes)
        }
    }

    private func unpack(_ segment: PackHead.Segment, _ blocks: [Range<Int>], _ bytes: [UInt8]) async throws {
        guard let device = update.running?.device else { return }
        var prefix: [UInt8] = []
        prefix.reserveCapacity(segment.prefix.reduce(0) { $0 + $1.count } * Self.size)
        for range in segment.prefix {
            prefix += Self.read(device, Int(range.lowerBound)..<Int(range.upperBound))
        }
        let content: [UInt8]
        do throws(ZstdError) {
            content = try decompressor.decompress(
                bytes,
                prefix: prefix,
                byteCount: Int(segment.blockCount) * Self.size
            )
        } catch {
            // The segment is as it was signed, so a block of the running slot is not: its blocks come in frames.
            return
        }
        var start = 0
        for run in blocks {
            let end = start + run.count * Self.size
            _ = try await take(check(run, Array(content[start..<end])))
            start = end
        }
    }

    private func fetchFrames(_ table: FrameTable, inOneStream: Bool) async throws {
        let file = update.transports.frames
        // Whole runs are asked for, in parts that are unpacked as soon as they are there: what is lost when the
        // connection breaks, 256 KiB at most.
        let framesPerPart = 8
        var runs: [Range<Int>] = []
        for run in table.runs(holding: missing, gap: update.costs.bytesPerRange) {
            for start in stride(from: run.lowerBound, to: run.upperBound, by: framesPerPart) {
                runs.append(start..<min(start + framesPerPart, run.upperBound))
            }
        }
        do {
            try await fetch(file, runs.map { table.bytes(of: $0) }, inOneStream: inOneStream) {
                number,
                bytes,
                source in
                while self.unpacking.count >= Self.partsAtOnce || self.unpacking.first?.isFinished == true {
                    try await self.takeUnpacked()
                }
                try self.unpack(runs[number], of: table, bytes, source)
            }
            while !unpacking.isEmpty { try await takeUnpacked() }
        } catch {
            await settle()
            throw error
        }
    }

    /// Begins to unpack a part.
    private func unpack(
        _ frames: Range<Int>,
        of table: FrameTable,
        _ bytes: [UInt8],
        _ source: String
    ) throws(UpdateBlocksError) {
        let decompressor: FramePart.Decompressor
        if let free = decompressors.popLast() {
            decompressor = free
        } else {
            decompressor = try FramePart.Decompressor()
        }
        var position = 0
        let part = FramePart(
            frames: frames.map { frame in
                let range = position..<position + Int(table.sizes[frame])
                position = range.upperBound
                let blocks = table.blocks(of: frame)
                return FramePart.Frame(blocks: blocks, bytes: missing.containsAny(blocks) ? range : nil)
            },
            bytes: bytes,
            source: source,
            leaves: update.leaves,
            hasher: update.hasher,
            decompressor: decompressor
        )
        unpacking.append(FramePart.Unpacking(part))
    }

    /// Hands over what is right of the part that came first, and takes it from the missing blocks.
    private func takeUnpacked() async throws {
        let (blocks, source) = await nextUnpacked()
        if let wrong = try await take(blocks) {
            throw UpdateBlocksError.wrongBlock(block: UInt32(wrong), source: source)
        }
    }

    private func nextUnpacked() async -> (blocks: CheckedBlocks, source: String) {
        let part = unpacking.removeFirst()
        let blocks = await part.content
        decompressors.append(part.decompressor)
        return (blocks, part.source)
    }

    /// Waits for what is still unpacked after an error, and keeps what is right of it: it need not be fetched again.
    private func settle() async {
        while !unpacking.isEmpty {
            if sinkError == nil, !Task.isCancelled {
                try? await takeUnpacked()
            } else {
                _ = await nextUnpacked()
            }
        }
    }

    /// Reads parts of a file; as one stream where it turns out that no server has ranges.
    private func fetch(
        _ file: Release.File,
        _ parts: [Range<UInt64>],
        inOneStream: Bool,
        deliver: (Int, [UInt8], String) async throws -> Void
    ) async throws {
        let reader = RangeReader(file: update.open(file), name: file.file)
        let received = { (count: Int) in
            self.update.bytesFetched += UInt64(count)
            self.progress.bytes += UInt64(count)
        }
        do {
            try await reader.read(parts, inOneStream: inOneStream, received: received, deliver: deliver)
        } catch RemoteFileError.noRanges where !inOneStream {
            update.hasRanges = false
            try await reader.read(parts, inOneStream: true, received: received, deliver: deliver)
        }
    }

    // MARK: Handing over

    private func check(_ numbers: Range<Int>, _ bytes: [UInt8]) -> CheckedBlocks {
        CheckedBlocks(numbers: numbers, bytes: bytes, leaves: update.leaves, hasher: update.hasher)
    }

    /// Hands over those fetched blocks that are missing and right, and takes them from the missing ones.
    ///
    /// - Returns: The first that is missing and wrong.
    private func take(_ blocks: CheckedBlocks) async throws -> Int? {
        let wrong = blocks.numbers.first { missing.contains($0) && !blocks.isRight($0) }
        try await handOver(blocks, where: { missing.contains($0) }) { part in
            for block in part {
                missing.remove(block)
                update.network.insert(block)
            }
        }
        return wrong
    }

    /// Hands over the blocks that are right and wanted.
    private func handOver(
        _ blocks: CheckedBlocks,
        where isWanted: (Int) -> Bool,
        done: (Range<Int>) -> Void = { _ in }
    ) async throws {
        let end = blocks.numbers.upperBound
        var start = blocks.numbers.lowerBound
        while start < end {
            var next = start
            while next < min(end, start + Self.blocksPerPiece), isWanted(next), blocks.isRight(next) {
                next += 1
            }
            if next > start {
                try await handOver(start, blocks.bytes(of: start..<next))
                done(start..<next)
                start = next
            } else {
                start += 1
            }
        }
    }

    private func handOver(_ first: Int, _ bytes: [UInt8]) async throws {
        do { try await sink(first, bytes) } catch {
            sinkError = error
            throw error
        }
        progress.blocks += bytes.count / Self.size
        report(progress)
    }
}
