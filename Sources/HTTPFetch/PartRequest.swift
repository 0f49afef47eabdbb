internal import Bytes
internal import NIOCore
internal import Synchronization

/// One request for parts of a file to one mirror.
struct PartRequest: Sendable {
    /// How many bytes that were not asked for a server may send: it may join ranges with a small gap between them.
    private static let wasteLimit: UInt64 = 1024
    private static let pieceLength: UInt64 = 65_536

    let transfer: Transfer
    let mirror: Int
    let wanted: Wanted
    /// Bytes a second below which the request is given up.
    let minimumRate: Int

    private var file: RemoteFile { transfer.file }
    private var url: FetchURL { file.urls[mirror] }

    /// Asks for what is wanted and hands it over; some of it at least, where no error is thrown.
    ///
    /// - Throws: `FetchFailure`, or `CancellationError`.
    func run() async throws {
        guard url.scheme != .file else { return try await readLocal() }
        let single = file.knowledge.withLock { $0.single.contains(mirror) }
        var asked = wanted.set
        if single, let first = asked.ranges.first { asked = RangeSet([first]) }
        // All of a file is asked for without Range, which any server answers.
        let isAll = asked.ranges == [0..<file.size]
        do {
            try await ask(asked, isAll ? [] : [("Range", asked.field)])
        } catch let failure as FetchFailure {
            // Where everything has come, it does not matter how the answer ends.
            if lacks(asked) { throw failure }
        }
    }

    private func ask(_ asked: RangeSet, _ fields: [(String, String)]) async throws {
        let fetcher = file.fetcher
        try await Watch.over(
            fetcher.configuration,
            minimumRate: minimumRate,
            total: nil,
            time: fetcher.time
        ) { watch in
            let request = Exchange.Request(fields: fields, authorization: file.authorization)
            let answer = try await fetcher.exchange.send(request, to: url, watch: watch)
            switch answer.status {
            case 206: try await self.readParts(answer, asked, watch)
            case 200: try await self.readWhole(answer, asked, watch)
            case 416:
                try? await fetcher.exchange.discard(answer, watch)
                throw FetchFailure.wrongRange("it says that the file has no such part (status 416)")
            default:
                try? await fetcher.exchange.discard(answer, watch)
                throw FetchFailure.status(answer.status)
            }
        }
    }

    /// Whether some of what was asked for has not come yet.
    private func lacks(_ asked: RangeSet) -> Bool {
        wanted.set.ranges.contains { range in asked.ranges.contains { $0.overlaps(range) } }
    }

    /// Reads the parts that the server says it sends.
    private func readParts(_ answer: Exchange.Answer, _ asked: RangeSet, _ watch: Watch) async throws {
        if let type = answer.field("Content-Type"), let boundary = Multipart.boundary(ofType: type) {
            try await readMultipart(answer, asked, boundary, watch)
        } else {
            guard let text = answer.field("Content-Range"), let part = ContentRange(text) else {
                throw FetchFailure.wrongRange("it does not say which (no valid Content-Range)")
            }
            try check(part, asked)
            let length = part.range.upperBound - part.range.lowerBound
            if let told = answer.length, told != length {
                throw FetchFailure.wrongRange("its Content-Length is not that of its Content-Range")
            }
            try await readPart(answer, part.range, asked, wasteLimit: Self.wasteLimit, watch)
        }
        guard lacks(asked) else { return }
        guard asked.ranges.count > 1 else { throw FetchFailure.wrongRange("less than what was asked for") }
        // It serves one range of many, which it may.
        _ = file.knowledge.withLock { $0.single.insert(mirror) }
    }

    private func readMultipart(
        _ answer: Exchange.Answer,
        _ asked: RangeSet,
        _ boundary: String,
        _ watch: Watch
    ) async throws {
        var reader = Multipart(boundary: boundary, partsLimit: asked.ranges.count)
        var waste: UInt64 = 0
        try await file.fetcher.exchange.read(answer, watch: watch) { buffer in
            var contents: [(UInt64, ArraySlice<UInt8>)] = []
            let bytes = Array(buffer.readableBytesView)
            try reader.read(bytes[...]) { event in
                switch event {
                case .part(let part): try check(part, asked)
                case .content(let offset, let slice): contents.append((offset, slice))
                }
            }
            for (offset, slice) in contents {
                waste += try await deliver(offset, slice)
                guard waste <= Self.wasteLimit else { throw Self.notAsked }
            }
            return !reader.isComplete && lacks(asked)
        }
        reader.finish()
        guard reader.parts > 0 else {
            throw FetchFailure.wrongRange("parts without the boundary that it named")
        }
        guard reader.isComplete else { throw FetchFailure.disconnected }
    }

    /// Reads an answer that is all of the file.
    private func readWhole(_ answer: Exchange.Answer, _ asked: RangeSet, _ watch: Watch) async throws {
        if let length = answer.length, length != file.size {
            throw FetchFailure.wrongSize(expected: file.size, found: length)
        }
        let isAll = asked.ranges == [0..<file.size]
        guard isAll || transfer.allowsWhole else {
            // Some have ranges, but not several of them at once.
            guard asked.ranges.count > 1 else { throw FetchFailure.noRanges }
            _ = file.knowledge.withLock { $0.single.insert(mirror) }
            return
        }
        if !isAll { _ = file.knowledge.withLock { $0.whole.insert(mirror) } }
        try await readPart(answer, 0..<file.size, asked, wasteLimit: .max, watch)
    }

    private func readPart(
        _ answer: Exchange.Answer,
        _ part: Range<UInt64>,
        _ asked: RangeSet,
        wasteLimit: UInt64,
        _ watch: Watch
    ) async throws {
        var next = part.lowerBound
        var waste: UInt64 = 0
        try await file.fetcher.exchange.read(answer, watch: watch) { buffer in
            let count = UInt64(buffer.readableBytes)
            guard count <= part.upperBound - next else {
                throw FetchFailure.tooLarge(limit: part.upperBound - part.lowerBound)
            }
            waste += try await deliver(next, Array(buffer.readableBytesView)[...])
            guard waste <= wasteLimit else { throw Self.notAsked }
            next += count
            return lacks(asked)
        }
        guard !lacks(asked) || next == part.upperBound else { throw FetchFailure.disconnected }
    }

    private static let notAsked = FetchFailure.wrongRange("bytes that were not asked for")

    private func check(_ part: ContentRange, _ asked: RangeSet) throws(FetchFailure) {
        if let total = part.total, total != file.size {
            throw .wrongSize(expected: file.size, found: total)
        }
        let common = asked.ranges.reduce(0) { $0 + UInt64($1.clamped(to: part.range).count) }
        guard part.range.upperBound <= file.size, common > 0,
            part.range.upperBound - part.range.lowerBound - common <= Self.wasteLimit
        else {
            throw .wrongRange(
                "bytes \(part.range.lowerBound)-\(part.range.upperBound - 1), which were not asked for"
            )
        }
        // What is read as a stream must come in order, so that nothing can be left for later.
        if transfer.allowsWhole, let first = wanted.set.ranges.first, part.range.lowerBound > first.lowerBound
        {
            throw .wrongRange("it begins at \(part.range.lowerBound) and not at \(first.lowerBound)")
        }
    }

    /// Hands over what is still wanted of some bytes; returns how many are not.
    private func deliver(_ offset: UInt64, _ bytes: ArraySlice<UInt8>) async throws -> UInt64 {
        guard !file.knowledge.withLock({ $0.excluded.contains(mirror) }) else {
            throw FetchFailure.wrongContent
        }
        let end = offset + UInt64(bytes.count)
        var used: UInt64 = 0
        for range in wanted.take(offset..<end) {
            let start = bytes.startIndex + Int(range.lowerBound - offset)
            let count = Int(range.upperBound - range.lowerBound)
            try await transfer.give(range.lowerBound, Array(bytes[start..<start + count]), mirror: mirror)
            used += UInt64(count)
        }
        return UInt64(bytes.count) - used
    }

    private func readLocal() async throws {
        let source = try LocalFile.open(url)
        guard source.size == file.size else {
            throw FetchFailure.wrongSize(expected: file.size, found: source.size)
        }
        for range in wanted.set.ranges {
            var offset = range.lowerBound
            while offset < range.upperBound {
                let count = min(Self.pieceLength, range.upperBound - offset)
                let bytes = try LocalFile.read(source, at: offset, count: Int(count))
                try await file.fetcher.exchange.bandwidth?.take(bytes.count)
                _ = try await deliver(offset, bytes[...])
                offset += count
            }
        }
    }
}
