import Glibc

/// Standard input, output and error of the command.
enum Console {
    /// Whether standard output is a terminal: then people read it, else programs.
    static var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

    /// Whether standard error is a terminal.
    static var isErrorTerminal: Bool { isatty(STDERR_FILENO) == 1 }

    /// Writes the same line of standard error again; without line feed.
    static func redraw(_ line: String) {
        _ = write(Array("\r\u{1b}[K\(line)".utf8), to: STDERR_FILENO)
    }

    /// Writes text and a line feed to standard output.
    static func print(_ text: String) throws(OutputFailure) {
        try write(Array((text + "\n").utf8))
    }

    /// Writes bytes to standard output.
    static func write(_ bytes: [UInt8]) throws(OutputFailure) {
        let error = write(bytes, to: STDOUT_FILENO)
        if error != 0 { throw OutputFailure(errno: error) }
    }

    /// Writes a line to standard error, where everything goes that is not the result.
    static func error(_ line: String) {
        // There is nobody left to tell when this fails.
        _ = write(Array((line + "\n").utf8), to: STDERR_FILENO)
    }

    /// Writes everything and returns 0, or errno(3).
    private static func write(_ bytes: [UInt8], to descriptor: Int32) -> Int32 {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count >= 0 {
                rest = rest.dropFirst(count)
                continue
            }
            switch errno {
            case EINTR: continue
            case EAGAIN:
                var poll = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = Glibc.poll(&poll, 1, 1000)
            default: return errno
            }
        }
        return 0
    }

    /// The text of a number of errno(3).
    static func text(ofErrno number: Int32) -> String {
        strerror(number).map { String(cString: $0) } ?? "errno \(number)"
    }
}

/// Standard output takes no more.
struct OutputFailure: Error {
    var errno: Int32

    /// What a shell shows of a program that was ended by SIGPIPE; 1 for every other reason.
    var exitStatus: Int32 { errno == EPIPE ? 128 + SIGPIPE : 1 }
}

/// A command that could not do what it was told to.
struct CommandFailure: Error, Equatable, CustomStringConvertible {
    /// What failed, why, and what to do; nil when it was told already.
    var message: String?
    /// The exit status.
    var status: Int32 = 1

    var description: String { message ?? "" }

    init(_ message: String?) { self.message = message }

    /// Does something and puts what it was for before the message of its failure.
    static func explaining<Result>(
        _ purpose: String,
        _ body: () async throws -> Result
    ) async throws -> Result {
        do {
            return try await body()
        } catch let failure as OutputFailure {
            throw failure
        } catch let failure as CommandFailure {
            throw failure
        } catch {
            throw CommandFailure("\(purpose): \(error)")
        }
    }
}
