internal import Synchronization

/// Keeps the metadata that a client trusts, from one operation to the next.
///
/// Without it there is no protection against old metadata: what `save` has acknowledged must survive a loss of power.
public protocol TrustedStore: Sendable {
    /// The content of a file; nil when there is none.
    /// - Throws: `TUFError.store`, and `tooLong` for more bytes than the limit.
    func load(_ name: String, limit: Int) throws(TUFError) -> [UInt8]?
    /// Replaces the content of a file, so that a reader at any moment finds the old or the new one.
    /// - Throws: `TUFError.store`.
    func save(_ name: String, _ bytes: [UInt8]) throws(TUFError)
    /// Removes a file, if it is there.
    /// - Throws: `TUFError.store`.
    func remove(_ name: String) throws(TUFError)
    /// Keeps all other operations, also those of other processes, out of the store until the lock is released.
    /// - Returns: nil, at once, while another operation has it.
    /// - Throws: `TUFError.store`.
    func lock() throws(TUFError) -> StoreLock?
}

/// A store that is kept for one operation; released at the latest when nobody knows the lock any more.
public final class StoreLock: Sendable {
    private let unlock: Mutex<(@Sendable () -> Void)?>

    /// A lock that is released by a function, which is called once.
    public init(unlock: @escaping @Sendable () -> Void) {
        self.unlock = Mutex(unlock)
    }

    deinit { release() }

    /// Lets other operations in; a second time it does nothing.
    public func release() {
        let unlock = unlock.withLock { unlock in
            defer { unlock = nil }
            return unlock
        }
        unlock?()
    }
}

/// Names of metadata files.
public enum MetadataFileName {
    /// The name of a role's file: "targets.json", or "3.targets.json" with a version.
    ///
    /// All bytes of the role's name but letters, digits, "_", ".", "-" and "~" are percent-encoded, so that no role
    /// can lead out of a folder.
    public static func of(_ role: String, version: Int64? = nil) -> String {
        (version.map { "\($0)." } ?? "") + encode(role) + ".json"
    }

    /// Percent-encodes all but letters, digits, "_", ".", "-" and "~".
    public static func encode(_ name: String) -> String {
        var text = ""
        for byte in name.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."),
                UInt8(ascii: "-"),
                UInt8(ascii: "~"):
                text.unicodeScalars.append(Unicode.Scalar(byte))
            default: text += encode(byte)
            }
        }
        return text
    }

    /// A byte as "%" and two upper-case hexadecimal digits.
    public static func encode(_ byte: UInt8) -> String {
        (byte < 16 ? "%0" : "%") + String(byte, radix: 16, uppercase: true)
    }
}
