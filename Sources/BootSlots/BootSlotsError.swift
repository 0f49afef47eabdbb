public import BootEntries
public import FAT
public import Hashing

/// Why the boot entries could not be read or changed.
public enum BootSlotsError: Error, Equatable, CustomStringConvertible {
    /// The file system could not be read or written.
    case fileSystem(FATError)
    /// A name could not be made.
    case name(BootEntryError)
    /// There would be no good entry left.
    case noGoodEntry
    /// The UKI is too large.
    case tooLarge(size: UInt64, limit: UInt64)
    /// There is too little room for the copy and the entry.
    case noSpace(needed: UInt64, free: UInt64)
    /// What was given or read back is not what the release describes.
    case digestMismatch(path: String, expected: SHA256Digest, found: SHA256Digest)
    /// The UKI does not name the release's root hash, or is no UKI.
    case wrongImage(path: String, expected: SHA256Digest, found: SHA256Digest?)
    /// There is no plain copy of the version.
    case notStaged(name: String)
    /// No slot of the disk carries the root hash that the version's UKI names.
    case notInstalled(name: String, rootHash: SHA256Digest)
    /// Nobody can tell what an entry boots, so the inactive slot must not be written.
    case unreadable(path: String)
    /// The version's entry carries no counter: it is committed.
    case notOnTrial(name: String)
    /// The loader did not count this boot.
    case notCounted
    /// The loader names an entry that is not there.
    case noSuchEntry(path: String)
    /// The entry's UKI is not for the root that is running.
    case notTheRunningSystem(path: String, running: SHA256Digest)
    /// The entry is what is running.
    case isRunning(path: String)
    /// All tries of the entry are used up.
    case hasFailed(path: String)

    /// What is wrong and what to do about it.
    public var description: String {
        switch self {
        case .fileSystem(let error): "the EFI system partition: \(error)"
        case .name(let error): error.description
        case .noGoodEntry:
            "there would be no good boot entry left on the EFI system partition; nothing was changed: make sure that "
                + "EFI/Linux has the entry of the running system without a counter"
        case .tooLarge(let size, let limit):
            "the UKI has \(size) bytes and the limit is \(limit); build a smaller one"
        case .noSpace(let needed, let free):
            "the EFI system partition has \(free) free bytes and \(needed) are needed; remove old files from it"
        case .digestMismatch(let path, let expected, let found):
            "'\(path)' has the SHA-256 \(found) instead of \(expected); fetch it again, and check the disk if that "
                + "does not help"
        case .wrongImage(let path, let expected, let found):
            "'\(path)' boots \(found.map { "the root \($0)" } ?? "no root") instead of \(expected); the release is "
                + "wrong: publish it again"
        case .notStaged(let name): "'\(name)' is not staged; prepare the update first"
        case .notInstalled(let name, let rootHash):
            "no slot has the root \(rootHash) of '\(name)', so it would not boot; install it again"
        case .unreadable(let path):
            "'\(path)' cannot be read, so nobody knows whether it boots from the slot that would be overwritten; look "
                + "at the kernel's messages, and remove the file if it is not needed"
        case .notOnTrial(let name):
            "'\(name)' is not on trial but committed; install another version to leave it"
        case .notCounted:
            "the boot loader did not count this boot, so nothing is on trial that could be committed; reboot into "
                + "the new version"
        case .noSuchEntry(let path): "the boot entry '\(path)' is not there; repair the boot entries"
        case .notTheRunningSystem(let path, let running):
            "the boot entry '\(path)' is not for the running root \(running); reboot into it first"
        case .isRunning(let path):
            "the boot entry '\(path)' is that of the running system; reboot into another first"
        case .hasFailed(let path): "the boot entry '\(path)' has used up its tries; deactivate it first"
        }
    }
}
