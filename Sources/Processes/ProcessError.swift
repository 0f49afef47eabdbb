/// Why a program could not be started, or why its result is of no use.
public enum ProcessError: Error, Equatable, CustomStringConvertible {
    /// The program is in none of the directories that were searched, or the given path is not executable.
    case notFound(executable: String, remedy: String)
    /// The operating system refused to start the program.
    case cannotStart(command: String, reason: String)
    /// The program ended with another status than 0; `message` is the end of what it wrote on standard error.
    case failed(command: String, status: ExitStatus, message: String)
    /// The program ran longer than its time limit and was ended.
    case timedOut(command: String, limit: Duration, message: String)
    /// The calling task was cancelled and the program was ended.
    case cancelled(command: String)
    /// The program wrote more than the given number of bytes on standard output and was ended.
    case outputTooLarge(command: String, limit: Int)
    /// Talking to the running program over its pipes failed.
    case communication(command: String, reason: String)

    /// What failed, with which command, why, and what to do about it.
    public var description: String {
        switch self {
        case .notFound(let executable, let remedy):
            return "the program '\(executable)' was not found: \(remedy)"
        case .cannotStart(let command, let reason):
            return "cannot start '\(command)': \(reason)"
        case .failed(let command, let status, let message):
            let detail =
                message.isEmpty
                ? "it wrote nothing on standard error; run the command by hand to see more"
                : message
            return "'\(command)' \(status): \(detail)"
        case .timedOut(let command, let limit, let message):
            let detail = message.isEmpty ? "" : " Its last words were: \(message)"
            return "'\(command)' did not end within \(limit) and was stopped; "
                + "see whether the machine or the network is overloaded and try again.\(detail)"
        case .cancelled(let command):
            return "'\(command)' was stopped because the operation was cancelled"
        case .outputTooLarge(let command, let limit):
            return "'\(command)' wrote more than the \(limit) bytes expected of it and was stopped; "
                + "run the command by hand to see what it writes"
        case .communication(let command, let reason):
            return "talking to '\(command)' failed: \(reason); try again"
        }
    }
}

/// How a program ended.
public enum ExitStatus: Sendable, Hashable, CustomStringConvertible {
    /// It returned this status; 0 means success.
    case exited(Int32)
    /// A signal of this number ended it.
    case signalled(Int32)

    /// Whether the program returned 0.
    public var isSuccess: Bool { self == .exited(0) }

    /// The status as a shell reports it: what the program returned, or 128 and the signal's number.
    public var code: Int32 {
        switch self {
        case .exited(let code): return code
        case .signalled(let number): return number &+ 128
        }
    }

    /// The end of a sentence that begins with the command.
    public var description: String {
        switch self {
        case .exited(let code): return "failed with status \(code)"
        case .signalled(let number): return "was ended by signal \(number)"
        }
    }
}
