internal import Glibc

/// Runs a program to its end, for a time at most, and reads what it prints.
enum CommandRun {
    /// Bytes that a program may print.
    static let outputLimit = 64 << 10
    private static let messageLimit = 4 << 10

    /// What a program prints.
    ///
    /// - Throws: `StepError` when it can't be started, takes too long, prints too much, or fails; then with what it
    ///   printed as errors.
    static func output(of command: [String], timeLimit: Duration) throws(StepError) -> [UInt8] {
        let (bytes, message, status) = try run(command, timeLimit: timeLimit)
        guard status == 0 else {
            // The encoding of waitpid(2): the low seven bits are the signal, the second byte the exit status.
            let signal = status & 0x7f
            let end =
                signal == 0 ? "ended with status \(status >> 8 & 0xff)" : "was ended by signal \(signal)"
            throw StepError("it \(end)\(message.isEmpty ? "" : ": \(message)")")
        }
        return bytes
    }

    private static func run(_ command: [String], timeLimit: Duration) throws(StepError) -> (
        output: [UInt8], message: String, status: Int32
    ) {
        var output = try Pipe(limit: outputLimit)
        defer { output.close() }
        var message = try Pipe(limit: messageLimit)
        defer { message.close() }
        let process = try start(command, output: output, message: message)
        // What the program leaves behind in its group would outlive the boot step.
        defer { kill(-process, SIGKILL) }
        output.closeWriting()
        message.closeWriting()
        let end = ContinuousClock.now + timeLimit
        var status: Int32 = 0
        var isEnded = false
        while true {
            // Read after the program ended, so that nothing of what it wrote is missed.
            if !isEnded, waitpid(process, &status, WNOHANG) == process { isEnded = true }
            output.read()
            message.read()
            if output.isFull || (!isEnded && ContinuousClock.now >= end) {
                if !isEnded {
                    kill(-process, SIGKILL)
                    while waitpid(process, &status, 0) < 0, errno == EINTR {}
                }
                throw StepError(
                    output.isFull
                        ? "it printed more than \(outputLimit) bytes"
                        : "it did not end within \(timeLimit.components.seconds) seconds"
                )
            }
            if isEnded { break }
            var events = [output, message].filter { !$0.isAtEnd }.map {
                pollfd(fd: $0.reading, events: Int16(POLLIN), revents: 0)
            }
            // Not only the pipes tell an end: a program may close them and go on.
            poll(&events, nfds_t(events.count), 50)
        }
        return (output.bytes, String(decoding: message.bytes, as: UTF8.self).trimmed, status)
    }

    private static func start(_ command: [String], output: Pipe, message: Pipe) throws(StepError) -> pid_t {
        guard let program = command.first, program.hasPrefix("/"),
            !command.contains(where: { $0.utf8.contains(0) })
        else { throw StepError("its command \(command) does not begin with an absolute path") }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output.writing, STDOUT_FILENO)
        posix_spawn_file_actions_adddup2(&actions, message.writing, STDERR_FILENO)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // A group of its own, so that all of it can be ended; and no blocked signals, as this thread may have.
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK))
        posix_spawnattr_setpgroup(&attributes, 0)
        var arguments = command.map { strdup($0) }
        arguments.append(nil)
        defer { arguments.forEach { free($0) } }
        var process: pid_t = 0
        let result = posix_spawn(&process, program, &actions, &attributes, arguments, environ)
        guard result == 0 else {
            throw StepError("'\(program)' can't be started: \(String(cString: strerror(result)))")
        }
        return process
    }

    /// A pipe that is read without waiting, up to a limit.
    private struct Pipe {
        let reading: Int32
        private(set) var writing: Int32
        private(set) var bytes: [UInt8] = []
        private(set) var isAtEnd = false
        private(set) var isFull = false
        private let limit: Int

        init(limit: Int) throws(StepError) {
            var ends: [Int32] = [-1, -1]
            guard pipe(&ends) == 0 else {
                throw StepError("no pipe for its output: \(String(cString: strerror(errno)))")
            }
            reading = ends[0]
            writing = ends[1]
            self.limit = limit
            // The program gets copies of the writing ends and nothing else.
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            _ = fcntl(reading, F_SETFL, O_NONBLOCK)
        }

        mutating func read() {
            var buffer = [UInt8](repeating: 0, count: 16 << 10)
            while !isAtEnd, !isFull {
                let count = Glibc.read(reading, &buffer, buffer.count)
                if count < 0, errno == EINTR { continue }
                if count < 0 { return }
                if count == 0 {
                    isAtEnd = true
                } else if count > limit - bytes.count {
                    bytes += buffer[..<(limit - bytes.count)]
                    isFull = true
                } else {
                    bytes += buffer[..<count]
                }
            }
        }

        mutating func closeWriting() {
            if writing >= 0 { Glibc.close(writing) }
            writing = -1
        }

        mutating func close() {
            closeWriting()
            Glibc.close(reading)
        }
    }
}
