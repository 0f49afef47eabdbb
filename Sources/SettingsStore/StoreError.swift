import Glibc
public import SettingsModel

/// Why the store could not do what was asked.
public enum StoreError: Error, Equatable, CustomStringConvertible {
    /// Reading or writing failed: what was done, on what file, and the error number of errno(3).
    case io(operation: String, path: String, errno: Int32)
    /// The name of a transaction is not 1 to 64 letters, digits, '-', '_' and '.'.
    case invalidTransactionName(String)
    /// More than the store takes: says of what, the limit, and what to do.
    case tooMuch(String)
    /// A commit with nothing pending.
    case nothingPending(transaction: String)
    /// A strong value may not be made weak.
    case strongToWeak(keys: [SettingKey])
    /// There is no such generation (any more).
    case noSuchGeneration(UInt64)
    /// There is nothing to confirm.
    case notOnTrial
    /// No generation on the disk can be read by this version.
    case unreadable(path: String, reason: String)

    /// What is wrong, with what, and what to do.
    public var description: String {
        switch self {
        case .io(let operation, let path, let errno):
            "could not \(operation) '\(path)': \(String(cString: strerror(errno)))\(Self.hint(errno))"
        case .invalidTransactionName(let name):
            "'\(name)' is not a name of a transaction: use 1 to 64 letters, digits, '-', '_' and '.'"
        case .tooMuch(let what): what
        case .nothingPending(let name): "transaction '\(name)' has no pending changes: set something first"
        case .strongToWeak(let keys):
            "strong settings can't be made weak: \(keys.map(\.description).joined(separator: ", "))"
        case .noSuchGeneration(let number): "there is no generation \(number): GET /generations lists them"
        case .notOnTrial: "there is no commit on trial: nothing to confirm"
        case .unreadable(let path, let reason): "'\(path)' can't be read: \(reason)"
        }
    }

    /// What is wrong with the state partition, and where to look, for the error numbers that mean one.
    private static func hint(_ errno: Int32) -> String {
        switch errno {
        case ENOSPC, EDQUOT: "; the state partition is full: see what fills it"
        case EROFS: "; the state partition is read-only: see the kernel's log for why, and reboot"
        default: ""
        }
    }
}
