import Glibc
public import Logging
import Systemd

/// The server's log: messages with fields in the journal under systemd, lines on standard error elsewhere.
public struct HostLogHandler: LogHandler {
    /// Fields of every message.
    public var metadata: Logger.Metadata = [:]
    /// What is less is not logged.
    public var logLevel = Logger.Level.info
    private let program: String
    private let usesJournal: Bool

    /// The log of a program.
    ///
    /// - Parameters:
    ///   - program: its name.
    ///   - usesJournal: whether standard error is the journal's, so that fields can be sent along.
    public init(program: String, usesJournal: Bool = getenv("JOURNAL_STREAM") != nil) {
        self.program = program
        self.usesJournal = usesJournal
    }

    /// A field of every message.
    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Logs a message.
    public func log(event: LogEvent) {
        var fields: [String: String] = [:]
        for (name, value) in metadata { fields[name] = value.description }
        for (name, value) in event.metadata ?? [:] { fields[name] = value.description }
        if usesJournal {
            // The fields of this program are in capitals, as the journal wants them; others' are not.
            let named = fields.filter { name, _ in
                name.utf8.allSatisfy {
                    ($0 >= UInt8(ascii: "A") && $0 <= UInt8(ascii: "Z")) || $0 == UInt8(ascii: "_")
                }
            }
            let message = try? JournalMessage(
                event.message.description,
                priority: Self.priority(event.level),
                fields: named.merging(["SYSLOG_IDENTIFIER": program]) { $1 }
            )
            if let message, (try? message.send()) != nil { return }
        }
        let suffix = fields.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
        Self.writeLine("\(program): \(event.level.rawValue): \(event.message)\(suffix)")
    }

    /// Writes a line to standard error in one call, so that lines of several threads stay whole.
    public static func writeLine(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }

    private static func priority(_ level: Logger.Level) -> JournalMessage.Priority {
        switch level {
        case .trace, .debug: .debug
        case .info: .info
        case .notice: .notice
        case .warning: .warning
        case .error: .error
        case .critical: .critical
        }
    }
}
