import JSON
public import SettingsModel

/// The settings of a host on its state partition: generations and pending transactions.
///
/// One owner at a time; not thread-safe (an actor owns it in the API server).
public final class SettingsStore {
    /// Opens the store; writes nothing but the removal of leftovers.
    ///
    /// - Parameters:
    ///   - files: the folder of the store.
    ///   - osVersion: the version of the running OS, noted in what is written.
    ///   - now: the time, in seconds since 1970.
    /// - Throws: `StoreError`.
    public init(files: any StoreFiles, osVersion: String, now: @escaping @Sendable () -> Int64)
        throws(StoreError)
    {
        fatalError("stub")
    }

    /// The generation in force.
    public var current: Generation { fatalError("stub") }

    /// What was wrong with the files when the store was opened: damaged generations that were passed over.
    public var warnings: [String] { [] }

    /// Adds changes to a transaction, which is made if it does not exist.
    public func stage(
        _ changes: [SettingKey: PendingTransaction.Change],
        in transaction: String
    ) throws(StoreError) {}

    /// The pending changes of a transaction; nil if there is none of the name.
    public func pending(_ transaction: String) -> PendingTransaction? { nil }

    /// The names of all pending transactions, sorted.
    public var transactions: [String] { [] }

    /// Drops a transaction and returns the keys it would have changed, sorted.
    public func discard(_ transaction: String) throws(StoreError) -> [SettingKey] { [] }

    /// Drops all transactions: the first thing at boot.
    public func discardAll() throws(StoreError) {}

    /// Makes the changes of a transaction the new generation, durably, before it returns.
    ///
    /// - Parameter confirmWithin: seconds in which the commit must be confirmed; nil if it needs no confirmation.
    /// - Returns: the keys whose value in force changed, sorted.
    public func commit(
        _ transaction: String,
        by author: Generation.Author,
        confirmWithin: Int64? = nil
    ) throws(StoreError) -> [SettingKey] { [] }

    /// Begins a boot: drops weak values and transactions, takes the image's defaults.
    ///
    /// Makes a generation only if something changed. A trial goes on (DESIGN.md section 6).
    /// - Returns: the keys whose value in force changed, sorted.
    public func beginBoot(defaults: SettingsDocument) throws(StoreError) -> [SettingKey] { [] }

    /// All generations that are kept, oldest first.
    public func generations() throws(StoreError) -> [Generation] { [] }

    /// One generation.
    public func generation(_ number: UInt64) throws(StoreError) -> Generation { fatalError("stub") }

    /// Brings the strong and weak values of an older generation back, as a new generation.
    public func restore(_ number: UInt64, by author: Generation.Author) throws(StoreError) -> [SettingKey] {
        []
    }

    /// Ends the trial of the current generation: it stays.
    public func confirm(by author: Generation.Author) throws(StoreError) {}

    /// Seconds until an unconfirmed generation must go; nil if there is none, 0 if its time is over.
    public var trialSecondsLeft: Int64? { nil }

    /// Takes an unconfirmed generation back whose time is over.
    ///
    /// - Returns: the keys whose value in force changed; nil if there was nothing to do.
    public func endTrialIfDue() throws(StoreError) -> [SettingKey]? { nil }
}
