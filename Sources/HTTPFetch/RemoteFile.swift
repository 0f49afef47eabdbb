internal import Synchronization

/// Bytes of a remote file.
public struct FetchedBytes: Sendable, Equatable {
    /// Where in the file they are.
    public let offset: UInt64
    /// The bytes; never none.
    public let bytes: [UInt8]
    /// The mirror they came from, without user and password: what `RemoteFile.exclude` takes.
    public let mirror: String
}

extension HTTPFetcher {
    /// A file of a known size that several mirrors may serve; nothing is asked yet.
    ///
    /// - Parameters:
    ///   - urls: the mirrors, in the order in which they are tried.
    ///   - authorization: who is asking, for the origin of each of these URLs.
    public func file(
        urls: [String],
        size: UInt64,
        authorization: FetchAuthorization? = nil
    ) throws(FetchError) -> RemoteFile {
        guard !urls.isEmpty else { throw .configuration("no URL is given to fetch from") }
        guard size <= UInt64(Int64.max) else { throw .configuration("no file has \(size) bytes") }
        var parsed: [FetchURL] = []
        for url in urls { parsed.append(try parse(url)) }
        return RemoteFile(fetcher: self, urls: parsed, size: size, authorization: authorization)
    }
}

/// A file on one or more servers, of which parts are read, or all of it.
///
/// What breaks in the middle is continued there; a mirror that cannot serve is left for the next, and its reason kept.
/// Memory is bounded: no more than a piece of at most a few hundred KiB for each request under way.
/// What comes is not trusted: whoever uses the bytes compares them with something signed. So the tags and dates of
/// answers mean nothing here; they differ between the servers of one mirror.
public final class RemoteFile: Sendable {
    /// What has been learnt about the mirrors, by their number.
    struct Knowledge {
        /// Those that serve one range a request.
        var single: Set<Int> = []
        /// Those that were seen to serve no ranges.
        var whole: Set<Int> = []
        var excluded: Set<Int> = []
        /// Where to begin: the one that served last.
        var preferred = 0
    }

    /// The size of the file in bytes.
    public let size: UInt64
    let fetcher: HTTPFetcher
    let urls: [FetchURL]
    let authorization: FetchAuthorization?
    let knowledge = Mutex(Knowledge())

    init(fetcher: HTTPFetcher, urls: [FetchURL], size: UInt64, authorization: FetchAuthorization?) {
        self.fetcher = fetcher
        self.authorization = authorization
        self.urls = urls
        self.size = size
    }

    /// Reads parts of the file, by several requests at once.
    ///
    /// - Parameters:
    ///   - ranges: in any order; where they overlap, the bytes come once.
    ///   - body: gets every byte of the ranges once, in pieces of any size and in any order; never two at once. The
    ///     next piece comes when it returns, and what it throws ends the reading.
    /// - Throws: `FetchError`, or what `body` throws. `FetchError.lacksRanges` says that `stream` may still do.
    public nonisolated(nonsending) func read(
        ranges: [Range<UInt64>],
        body: (FetchedBytes) async throws -> Void
    ) async throws {
        guard ranges.allSatisfy({ $0.upperBound <= size }) else {
            throw FetchError.configuration("a range ends beyond the \(size) bytes of the file")
        }
        let settings = fetcher.configuration
        let requests = RangeSet(ranges)
            .requests(ranges: settings.rangesPerRequest, bytes: settings.bytesPerRequest)
        try await transfer(requests, allowsWhole: false, body)
    }

    /// Reads the file from an offset to its end, in order, by one request.
    ///
    /// Where the server has no ranges, it sends all of the file, and what lies before the offset is dropped.
    ///
    /// - Parameter body: gets the pieces in order, never two at once, as in `read`.
    /// - Throws: `FetchError`, or what `body` throws.
    public nonisolated(nonsending) func stream(
        from offset: UInt64 = 0,
        body: (FetchedBytes) async throws -> Void
    ) async throws {
        guard offset <= size else {
            throw FetchError.configuration("offset \(offset) lies beyond the \(size) bytes of the file")
        }
        guard offset < size else { return }
        try await transfer([RangeSet([offset..<size])], allowsWhole: true, body)
    }

    /// Asks a mirror no more, because what came from it was not right.
    ///
    /// A reading under way goes on with the others; what waits to be taken, a piece for each request, still comes.
    ///
    /// - Parameter mirror: as `FetchedBytes.mirror` names it.
    public func exclude(_ mirror: String) {
        for (index, url) in urls.enumerated() where url.description == mirror {
            _ = knowledge.withLock { $0.excluded.insert(index) }
        }
    }

    /// Whether there is a mirror besides this one that was not excluded.
    ///
    /// - Parameter mirror: as `FetchedBytes.mirror` names it.
    public func hasOther(than mirror: String) -> Bool {
        let excluded = knowledge.withLock { $0.excluded }
        return urls.indices.contains { !excluded.contains($0) && urls[$0].description != mirror }
    }

    private nonisolated(nonsending) func transfer(
        _ requests: [RangeSet],
        allowsWhole: Bool,
        _ body: (FetchedBytes) async throws -> Void
    ) async throws {
        let handover = Handover<FetchedBytes>()
        let transfer = Transfer(file: self, allowsWhole: allowsWhole, handover: handover)
        let producer = Task {
            do {
                try await transfer.run(requests)
                await handover.finish(.success(()))
            } catch let error as FetchError {
                await handover.finish(.failure(error))
            } catch {
                await handover.finish(.failure(FetchError.cancelled))
            }
        }
        do {
            try await withTaskCancellationHandler {
                while let piece = try await handover.next() { try await body(piece) }
            } onCancel: {
                producer.cancel()
            }
        } catch {
            producer.cancel()
            await handover.finish(.failure(error))
            // Nothing of this reading goes on after it has ended.
            await producer.value
            throw error
        }
    }
}
