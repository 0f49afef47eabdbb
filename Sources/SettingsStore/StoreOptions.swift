import Glibc
public import SettingsModel

/// What the store depends on besides its files and the time; tests put their own in.
public struct StoreOptions: Sendable {
    /// How many generations are kept, 2 at least; the one that a trial goes back to is kept in any case.
    public var keptGenerations = 32
    /// How many bytes the kept generations take together; two, and the one of a trial, are kept in any case.
    public var keptBytes = 64 << 20
    /// The migrations, and with them the version of the settings model that is written.
    public var migrations = Migrations.graph
    /// Keeps of stored settings what the running version knows and allows.
    public var check: @Sendable (SettingsDocument) -> SettingsDocument = {
        SettingsDocument.sift(stored: $0.json)
    }
    /// Seconds since some point, counted also while the machine is suspended; never set back.
    public var uptime: @Sendable () -> Int64 = {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return Int64(time.tv_sec)
    }

    /// What a host uses.
    public init() {}
}

/// How much the store takes.
enum StoreLimits {
    /// Bytes of one file.
    static let fileBytes = 8 << 20
    /// Pending transactions.
    static let transactions = 64
    /// Bytes of all pending transactions together: the server keeps them in memory.
    static let pendingBytes = 16 << 20
    /// Changes of one transaction.
    static let changes = SettingsDocument.mostInTransaction
    /// Bytes of the name of a transaction.
    static let nameLength = 64
    /// Damaged files that are kept aside.
    static let damagedFiles = 8
    /// Warnings that are kept.
    static let warnings = 100
    /// Keys that one warning names.
    static let keysInWarning = 20
    /// Seconds of a trial.
    static let trialSeconds: ClosedRange<Int64> = 1...86_400
    /// The highest number of a generation: far away, and safe to add to.
    static let highestNumber: UInt64 = 1_000_000_000_000_000_000
}
