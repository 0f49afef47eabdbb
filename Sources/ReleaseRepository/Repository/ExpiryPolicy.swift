import Rollout
import TUF

/// For how long new metadata are good, in seconds.
///
/// Short lives limit how long somebody between repository and host can withhold news; they must be longer than the
/// time between two runs of `bulkhead repo refresh`, with room for one that fails.
public struct ExpiryPolicy: Sendable, Equatable {
    /// The root, which people renew by hand.
    public var root: Int64
    /// Targets metadata.
    public var targets: Int64
    /// Snapshots.
    public var snapshot: Int64
    /// Timestamps.
    public var timestamp: Int64
    /// The roles whose life somebody chose for this run: their metadata may expire earlier than those that are there.
    public var chosen: Set<String> = []

    /// How much earlier than those that are there other metadata may expire: two machines' clocks differ.
    static let slack: Int64 = 3600

    /// 1 week for timestamps, 2 weeks for snapshot and targets, 1 year for the root.
    public static let standard = ExpiryPolicy(
        root: 365 * 86_400,
        targets: 14 * 86_400,
        snapshot: 14 * 86_400,
        timestamp: 7 * 86_400
    )

    /// Checks one value: a minute to 10 years.
    static func check(_ seconds: Int64, what: String) throws(RepositoryError) {
        guard (60...DurationText.longest).contains(seconds) else {
            throw .badValue(what: what, value: DurationText.format(seconds), allowed: "1 minute to 10 years")
        }
    }

    /// Checks that metadata do not expire before those that they replace, as they would by a clock that is wrong.
    ///
    /// - Throws: `RepositoryError.expiresEarlier`.
    func check(_ expires: MetadataTime, of role: String, after there: MetadataTime) throws(RepositoryError) {
        guard !chosen.contains(role), expires.advanced(by: Self.slack) < there else { return }
        throw .expiresEarlier(role: role, there: there, new: expires)
    }

    /// Checks all values.
    func check() throws(RepositoryError) {
        for (name, seconds) in [("targets", targets), ("snapshot", snapshot), ("timestamp", timestamp)] {
            try Self.check(seconds, what: "the lifetime of \(name)")
        }
    }
}
