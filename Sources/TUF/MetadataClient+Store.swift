/// What one operation leaves in the store for the next ones.
extension MetadataClient {
    /// The store, once no other operation has it.
    func lockedStore() async throws(TUFError) -> StoreLock {
        let end = ContinuousClock.now + limits.lockTime
        while true {
            if let lock = try store.lock() { return lock }
            guard ContinuousClock.now < end, !Task.isCancelled else { throw .storeInUse }
            try? await Task.sleep(for: .milliseconds(20))
        }
    }

    /// Trusted metadata of the store; nil where it is missing, damaged or not signed by the root's keys any more.
    ///
    /// - Throws: `TUFError` where it could not be read: it must not be taken for missing, and be replaced by older ones.
    func local<Role>(
        _ name: String,
        limit: Int,
        _ root: Root
    ) throws(TUFError) -> (metadata: Metadata<Role>, bytes: [UInt8])? {
        guard let bytes = try store.load(name, limit: limit),
            let metadata = try? Metadata<Role>(parsing: bytes), (try? metadata.verify(by: root)) != nil
        else { return nil }
        return (metadata, bytes)
    }

    /// Not ".json", so that nobody takes it for metadata.
    private static let timeFile = "latest-time"
    /// Seconds that a clock may be set back.
    private static let clockMargin: Int64 = 86_400

    /// Refuses a clock that is behind an earlier operation.
    ///
    /// - Returns: the latest time at which everything was right; nil where that is not known.
    func checkClock() throws(TUFError) -> MetadataTime? {
        let bytes: [UInt8]?
        do throws(TUFError) { bytes = try store.load(Self.timeFile, limit: 64) } catch {
            if case .tooLong = error { return nil }
            throw error
        }
        guard let seen = bytes.flatMap({ MetadataTime(String(decoding: $0, as: UTF8.self)) }) else {
            return nil
        }
        guard now >= seen.advanced(by: -Self.clockMargin) else {
            throw .clockWentBack(now: now, seen: seen)
        }
        return seen
    }

    /// Keeps the time of an operation that found everything right.
    ///
    /// Of no other: by a clock that is far ahead everything has expired, and its time must not be kept.
    func keepTime(after seen: MetadataTime?) throws(TUFError) {
        if let seen, seen >= now { return }
        try store.save(Self.timeFile, Array("\(now)".utf8))
    }
}
