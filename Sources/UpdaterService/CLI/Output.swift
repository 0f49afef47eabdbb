import Glibc
import HostAPIServer
import Presentation

/// Standard output and error of the command.
enum Output {
    /// Whether people see standard error.
    static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }

    /// Writes a result.
    static func print(_ text: String) { write(text + "\n", to: STDOUT_FILENO) }

    /// Tells how it goes, where what is no result goes; parts of a text may come from elsewhere.
    static func tell(_ text: String) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        HostLogHandler.writeLine(lines.map { HumanText.safe(String($0)) }.joined(separator: "\n"))
    }

    /// Writes the same line again.
    static func redraw(_ line: String) { write("\r\u{1b}[K" + line, to: STDERR_FILENO) }

    private static func write(_ text: String, to descriptor: Int32) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            // There is nobody left to tell.
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
}

/// Why a command was not done, and the exit status that says so.
struct UpdateFailure: Error, Equatable, CustomStringConvertible {
    var description: String
    var exitStatus: Int32 = 1

    init(_ description: String, exitStatus: Int32 = 1) {
        self.description = description
        self.exitStatus = exitStatus
    }
}
