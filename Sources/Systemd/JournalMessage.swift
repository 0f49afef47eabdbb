internal import CSystemd
import Glibc

/// A message for the journal, with fields of its own (systemd.journal-fields(7)).
///
/// Values of secret settings must not come in here: the journal is read by more people than the settings.
public struct JournalMessage: Sendable, Equatable {
    /// How bad it is, in the levels of syslog(3).
    public enum Priority: Int, Sendable, CaseIterable {
        case emergency, alert, critical, error, warning, notice, info, debug
    }

    /// The longest value of a field, in bytes; longer ones are cut.
    public static let maximumLength = 32 << 10
    /// The most fields of one message.
    public static let maximumFields = 64

    /// The fields as they are sent, each `NAME=value`, in the order of their names.
    public let entries: [String]

    /// A message.
    ///
    /// - Parameters:
    ///   - text: what happened.
    ///   - priority: how bad it is.
    ///   - fields: more fields by name; those beyond `maximumFields` are left out.
    /// - Throws: `SystemdError.journalField` when a name is none that the journal takes from programs.
    public init(_ text: String, priority: Priority = .info, fields: [String: String] = [:])
        throws(SystemdError)
    {
        var entries = ["MESSAGE=" + Self.cut(text), "PRIORITY=\(priority.rawValue)"]
        for (name, value) in fields.sorted(by: { $0.key < $1.key }).prefix(Self.maximumFields) {
            guard Self.isName(name), name != "MESSAGE", name != "PRIORITY" else { throw .journalField(name) }
            entries.append("\(name)=" + Self.cut(value))
        }
        self.entries = entries
    }

    /// Sends the message to journald; where none runs, nothing happens.
    ///
    /// - Throws: `SystemdError.journal` when it could not be sent.
    public func send() throws(SystemdError) {
        // One buffer for all fields: their addresses must hold during the call.
        var bytes: [UInt8] = []
        var lengths: [Int] = []
        for entry in entries {
            bytes += entry.utf8
            lengths.append(entry.utf8.count)
        }
        let result = bytes.withUnsafeMutableBytes { buffer in
            var offset = 0
            let vectors = lengths.map { length in
                defer { offset += length }
                return iovec(iov_base: buffer.baseAddress.map { $0 + offset }, iov_len: length)
            }
            return sd_journal_sendv(vectors, Int32(vectors.count))
        }
        guard result >= 0 else { throw .journal(errno: -result) }
    }

    private static func isName(_ name: String) -> Bool {
        let bytes = name.utf8
        guard (1...64).contains(bytes.count), let first = bytes.first else { return false }
        let letters = UInt8(ascii: "A")...UInt8(ascii: "Z")
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        // Names that begin with an underscore are journald's own.
        return letters.contains(first)
            && bytes.allSatisfy { letters.contains($0) || digits.contains($0) || $0 == UInt8(ascii: "_") }
    }

    private static func cut(_ text: String) -> String {
        guard text.utf8.count > maximumLength else { return text }
        return String(decoding: text.utf8.prefix(maximumLength), as: UTF8.self) + " ... (cut)"
    }
}
