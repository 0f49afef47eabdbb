internal import Synchronization

/// One reading of a remote file: its requests, and what went wrong with each mirror meanwhile.
final class Transfer: Sendable {
    /// So much progress makes earlier failures forgotten.
    private static let progress: UInt64 = 1 << 20

    let file: RemoteFile
    let allowsWhole: Bool
    private let handover: Handover<FetchedBytes>
    private let failures = Mutex<[(mirror: Int, failure: FetchFailure)]>([])

    init(file: RemoteFile, allowsWhole: Bool, handover: Handover<FetchedBytes>) {
        self.file = file
        self.allowsWhole = allowsWhole
        self.handover = handover
    }

    /// Fetches everything, so many requests at once as are configured.
    func run(_ requests: [RangeSet]) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            var rest = requests.makeIterator()
            for _ in 0..<file.fetcher.configuration.parallelRequests {
                if let request = rest.next() { group.addTask { try await self.fetch(request) } }
            }
            while try await group.next() != nil {
                if let request = rest.next() { group.addTask { try await self.fetch(request) } }
            }
        }
    }

    /// Hands bytes over to whoever reads.
    func give(_ offset: UInt64, _ bytes: [UInt8], mirror: Int) async throws {
        let name = file.urls[mirror].description
        try await handover.give(FetchedBytes(offset: offset, bytes: bytes, mirror: name))
    }

    private func fetch(_ request: RangeSet) async throws {
        let wanted = Wanted(request)
        let settings = file.fetcher.configuration
        let retry = Retry(settings, file.fetcher.time)
        var tried = 0
        var left = wanted.count
        while left > 0 {
            guard let mirror = nextMirror() else { throw error() }
            do {
                // One that brings nothing throws, so this ends.
                try await PartRequest(transfer: self, mirror: mirror, wanted: wanted).run()
                left = wanted.count
            } catch let failure as FetchFailure {
                let now = wanted.count
                if now == 0 { return }
                // A server that begins anew each time may not do so for ever.
                let resumes = file.knowledge.withLock { !$0.whole.contains(mirror) }
                if resumes, left - now >= Self.progress { tried = 0 }
                left = now
                tried += 1
                if failure.isPassing, tried < settings.tries, nextMirror() == mirror {
                    try await retry.pause(after: tried)
                } else {
                    note(mirror, failure)
                    tried = 0
                }
            }
        }
    }

    /// The first mirror, from the one that served last, that nothing speaks against.
    private func nextMirror() -> Int? {
        let failed = failures.withLock { $0.map(\.mirror) }
        let (excluded, first) = file.knowledge.withLock { ($0.excluded, $0.preferred) }
        let count = file.urls.count
        return (0..<count).map { (first + $0) % count }.first {
            !failed.contains($0) && !excluded.contains($0)
        }
    }

    private func note(_ mirror: Int, _ failure: FetchFailure) {
        failures.withLock { failures in
            if !failures.contains(where: { $0.mirror == mirror }) { failures.append((mirror, failure)) }
        }
        // The next reading begins with the next one.
        file.knowledge.withLock { knowledge in
            if knowledge.preferred == mirror { knowledge.preferred = (mirror + 1) % file.urls.count }
        }
    }

    private func error() -> FetchError {
        let failures = failures.withLock { $0 }
        let excluded = file.knowledge.withLock { $0.excluded }.sorted()
            .filter { mirror in !failures.contains { $0.mirror == mirror } }
            .map { (mirror: $0, failure: FetchFailure.wrongContent) }
        let errors = (excluded + failures).map {
            FetchError.failed(url: file.urls[$0.mirror].description, $0.failure)
        }
        return errors.count == 1 ? errors[0] : .mirrors(errors)
    }
}

/// The ranges of a request that have not come yet.
final class Wanted: Sendable {
    private let ranges: Mutex<RangeSet>

    init(_ ranges: RangeSet) { self.ranges = Mutex(ranges) }

    var count: UInt64 { ranges.withLock { $0.count } }
    var set: RangeSet { ranges.withLock { $0 } }

    /// Takes out what lies in a range, and returns it.
    func take(_ part: Range<UInt64>) -> [Range<UInt64>] { ranges.withLock { $0.take(part) } }
}
