internal import Synchronization

/// One reading of a remote file: its requests, and what went wrong with each mirror meanwhile.
final class Transfer: Sendable {
    /// So much progress makes earlier failures forgotten.
    private static let progress: UInt64 = 1 << 20

    let file: RemoteFile
    let allowsWhole: Bool
    private let handover: Handover<FetchedBytes>
    private let failures = Mutex<[Failed]>([])

    /// What went wrong with a mirror.
    private struct Failed {
        let mirror: Int
        let failure: FetchFailure
        /// Whether it would have served, but another one may be faster.
        let isOnlySlow: Bool
    }

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
            guard let (mirror, isPatient) = nextMirror() else { throw error() }
            do {
                // One that brings nothing throws, so this ends.
                try await PartRequest(
                    transfer: self,
                    mirror: mirror,
                    wanted: wanted,
                    minimumRate: isPatient ? settings.minimumRate : usefulRate
                ).run()
                left = wanted.count
            } catch let failure as FetchFailure {
                let now = wanted.count
                // A server that begins anew each time may not do so for ever.
                let resumes = file.knowledge.withLock { !$0.whole.contains(mirror) }
                if resumes, left - now >= Self.progress { tried = 0 }
                left = now
                tried += 1
                let isOnlySlow = !isPatient && failure.isSlowness
                if !isOnlySlow, failure.isPassing, tried < settings.tries, nextMirror()?.mirror == mirror {
                    try await retry.pause(after: tried)
                } else {
                    note(Failed(mirror: mirror, failure: failure, isOnlySlow: isOnlySlow))
                    tried = 0
                }
            }
        }
    }

    /// A request's share of the rate below which another mirror is tried.
    private var usefulRate: Int {
        let settings = file.fetcher.configuration
        return max(settings.usefulRate / settings.parallelRequests, settings.minimumRate)
    }

    /// The first mirror, from the one that served last, that nothing speaks against.
    ///
    /// Where none is left, one that was only slow. Where there is no other, it may be as slow as is allowed at all.
    private func nextMirror() -> (mirror: Int, isPatient: Bool)? {
        let failures = failures.withLock { $0 }
        let (excluded, first) = file.knowledge.withLock { ($0.excluded, $0.preferred) }
        let count = file.urls.count
        let usable = (0..<count).map { (first + $0) % count }.filter { mirror in
            !excluded.contains(mirror) && !failures.contains { $0.mirror == mirror && !$0.isOnlySlow }
        }
        if let fresh = usable.first(where: { mirror in !failures.contains { $0.mirror == mirror } }) {
            return (fresh, usable.count == 1)
        }
        return usable.first.map { ($0, true) }
    }

    private func note(_ failed: Failed) {
        let mirror = failed.mirror
        failures.withLock { failures in
            guard let known = failures.firstIndex(where: { $0.mirror == mirror }) else {
                return failures.append(failed)
            }
            if failures[known].isOnlySlow { failures[known] = failed }
        }
        // The next reading begins with the next one.
        file.knowledge.withLock { knowledge in
            if knowledge.preferred == mirror { knowledge.preferred = (mirror + 1) % file.urls.count }
        }
    }

    private func error() -> FetchError {
        let failures = failures.withLock { $0.map { (mirror: $0.mirror, failure: $0.failure) } }
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
