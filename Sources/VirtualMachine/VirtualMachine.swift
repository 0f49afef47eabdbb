import Foundation
public import Subprocess

/// A machine that runs in QEMU.
///
/// It lives exactly as long as the closure of `run(_:in:body:)`: whatever happens there, no QEMU stays behind.
public final class VirtualMachine: Sendable {
    /// The serial console.
    public let console: Console
    /// The second serial port; it stays silent unless the machine has one.
    public let secondSerialPort: Console
    /// How its instructions are executed.
    public let accelerator: Accelerator
    private let process: QEMUProcess
    private let monitor: Monitor
    private let paths: Paths

    /// Boots a machine, gives it to a closure, and takes its power away when the closure returns or throws.
    ///
    /// - Parameters:
    ///   - configuration: What the machine consists of.
    ///   - directory: Its files. Run again with the same directory for a second boot of the same machine.
    ///   - body: What is done with it.
    /// - Returns: What the closure returns.
    /// - Throws: `VirtualMachineError` when it cannot be started; what the closure throws.
    public static func run<Value: Sendable>(
        _ configuration: Configuration,
        in directory: WorkDirectory,
        body: (VirtualMachine) async throws -> Value
    ) async throws -> Value {
        let runtime = try TemporaryFolder.forSockets()
        defer { runtime.remove() }
        let prepared = try await prepare(configuration, in: directory, runtime: runtime, console: .log)
        let process = QEMUProcess(
            configuration.architecture,
            arguments: prepared.arguments,
            messages: prepared.paths.messages
        )
        let machine = VirtualMachine(process: process, prepared: prepared)
        do {
            try await machine.waitForStart()
            let value = try await body(machine)
            await process.kill()
            return value
        } catch {
            await process.kill()
            throw error
        }
    }

    /// Boots a machine with its console on this program's terminal, until it ends or the user presses Ctrl-A X.
    ///
    /// Standard input and output need not be a terminal. When the task is cancelled, QEMU ends in order.
    ///
    /// - Parameters:
    ///   - configuration: What the machine consists of.
    ///   - directory: Its files. Run again with the same directory for a second boot of the same machine.
    ///   - started: Called when all is settled, right before QEMU takes the terminal.
    /// - Throws: `VirtualMachineError` when it cannot be started, or QEMU ends with an error.
    public static func runInTerminal(
        _ configuration: Configuration,
        in directory: WorkDirectory,
        started: (Accelerator) -> Void = { _ in }
    ) async throws {
        let runtime = try TemporaryFolder.forSockets()
        defer { runtime.remove() }
        let prepared = try await prepare(configuration, in: directory, runtime: runtime, console: .terminal)
        // QEMU makes the terminal raw; it cannot undo that when it is killed.
        var settings = termios()
        let isTerminal = tcgetattr(STDIN_FILENO, &settings) == 0
        defer { if isTerminal { _ = tcsetattr(STDIN_FILENO, TCSANOW, &settings) } }
        let architecture = configuration.architecture
        var options = PlatformOptions()
        options.teardownSequence = [.gracefulShutDown(allowedDurationToNextStep: .seconds(5))]
        started(prepared.accelerator)
        do {
            let result = try await Subprocess.run(
                .name(architecture.program),
                arguments: Arguments(prepared.arguments),
                platformOptions: options,
                input: .currentStandardInput,
                output: .currentStandardOutput,
                error: .currentStandardError
            )
            try Task.checkCancellation()
            guard result.terminationStatus.isSuccess else {
                throw VirtualMachineError.ended(
                    while: "running",
                    status: "\(result.terminationStatus)",
                    messages: "",
                    console: ""
                )
            }
        } catch let error as SubprocessError where error.code == .executableNotFound {
            throw VirtualMachineError.programMissing(
                name: architecture.program,
                package: architecture.programPackage
            )
        }
    }

    private init(process: QEMUProcess, prepared: Prepared) {
        self.process = process
        paths = prepared.paths
        accelerator = prepared.accelerator
        monitor = Monitor(socketPath: prepared.paths.monitorSocket)
        console = Console(logPath: prepared.paths.consoleLog, start: prepared.consoleStart) {
            process.isRunning
        }
        secondSerialPort = Console(
            logPath: prepared.paths.secondSerialLog,
            start: prepared.secondSerialStart
        ) { process.isRunning }
    }

    /// What the guest does, in the words of QMP's `query-status`.
    ///
    /// These are "running", "paused", "shutdown", "internal-error" and others.
    public func status() async throws -> String {
        try await monitor.execute("query-status", within: .seconds(30)) ?? "unknown"
    }

    /// Presses the power button; the guest shuts down in its own time.
    public func pressPowerButton() async throws {
        try await monitor.execute("system_powerdown", within: .seconds(30))
    }

    /// Presses the reset button.
    public func reset() async throws {
        try await monitor.execute("system_reset", within: .seconds(30))
    }

    /// Ends QEMU in order: what the guest has written is on the disk file.
    public func quit() async throws {
        try await monitor.execute("quit", within: .seconds(30))
        try await waitForExit(within: .seconds(30))
    }

    /// Takes the power away: QEMU is killed.
    public func cutPower() async {
        await process.kill()
    }

    /// Types a text on the serial console; a carriage return is the Enter key.
    ///
    /// - Throws: `VirtualMachineError.monitor` when QEMU does not take it; `CancellationError`.
    public func type(_ text: String) async throws {
        func failure(_ problem: String) -> VirtualMachineError {
            .monitor(command: "typing '\(text)'", problem: problem)
        }
        // Open for reading too, so that there is no SIGPIPE when QEMU ends meanwhile.
        let descriptor = open("\(paths.consolePipe).in", O_RDWR | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(String(cString: strerror(errno))) }
        defer { close(descriptor) }
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            guard try process.ended == nil else { throw failure("QEMU has ended") }
            let count = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 {
                bytes = bytes.dropFirst(count)
            } else if errno == EAGAIN {
                try await Task.sleep(for: Console.interval)
            } else if errno != EINTR {
                throw failure(String(cString: strerror(errno)))
            }
        }
    }

    /// Waits until QEMU has ended, by an orderly power-off or otherwise.
    ///
    /// - Throws: `VirtualMachineError.timeout`; `CancellationError`.
    @discardableResult
    public func waitForExit(within limit: Duration) async throws -> TerminationStatus {
        let deadline = ContinuousClock.now + limit
        while true {
            if let status = try process.ended { return status }
            try await pause("the machine's end", until: deadline, limit)
        }
    }

    /// Waits until a line of the console contains a text, in what is there already or comes later.
    ///
    /// - Parameters:
    ///   - text: What to look for; control sequences are removed from lines before.
    ///   - limit: How long to wait.
    ///   - cursor: Where to begin and where the search stopped; pass the same value to go on behind a match.
    ///   - port: Where to look instead of the console, such as the second serial port.
    /// - Returns: The whole line, as far as it was written.
    /// - Throws: `VirtualMachineError.timeout`, `.ended`; `CancellationError`.
    @discardableResult
    public func waitForConsole(
        containing text: String,
        within limit: Duration,
        after cursor: ConsoleCursor? = nil,
        on port: Console? = nil
    ) async throws -> String {
        try await waitForConsole("'\(text)' on the console", limit, cursor, port) { $0.contains(text) }
    }

    /// Waits until a line of the console matches a regular expression.
    ///
    /// Parameters and errors are those of `waitForConsole(containing:within:after:on:)`.
    @discardableResult
    public func waitForConsole(
        matching expression: some RegexComponent,
        within limit: Duration,
        after cursor: ConsoleCursor? = nil,
        on port: Console? = nil
    ) async throws -> String {
        try await waitForConsole("a match on the console", limit, cursor, port) { $0.contains(expression) }
    }

    private func waitForConsole(
        _ what: String,
        _ limit: Duration,
        _ cursor: ConsoleCursor?,
        _ port: Console?,
        matches: (String) -> Bool
    ) async throws -> String {
        let deadline = ContinuousClock.now + limit
        let port = port ?? console
        var reader = cursor?.reader ?? ConsoleReader(path: port.logPath, offset: port.start)
        defer { cursor?.reader = reader }
        while true {
            let status = try process.ended
            let progressed = try reader.read()
            while let line = reader.takeLine() {
                if matches(line) { return line }
            }
            if matches(reader.partialLine) {
                defer { reader.dropPartialLine() }
                return reader.partialLine
            }
            if progressed { continue }
            if let status { throw ended(status, while: "waiting for \(what)") }
            try await pause(what, until: deadline, limit)
        }
    }

    private func waitForStart() async throws {
        let limit = Duration.seconds(60)
        let deadline = ContinuousClock.now + limit
        // The socket appears before QEMU has opened its other files; an answer comes only when the guest runs.
        while true {
            if let status = try process.ended { throw ended(status, while: "starting") }
            do {
                try await monitor.execute("query-status", within: .seconds(1))
                return
            } catch is VirtualMachineError {
                try await pause("QEMU's monitor", until: deadline, limit)
            }
        }
    }

    /// The last of what QEMU itself wrote.
    private var messages: String {
        let data = FileManager.default.contents(atPath: paths.messages)?.suffix(2000) ?? Data()
        return String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private func ended(_ status: TerminationStatus, while activity: String) -> VirtualMachineError {
        return .ended(while: activity, status: "\(status)", messages: messages, console: console.tail())
    }

    private func pause(
        _ what: String,
        until deadline: ContinuousClock.Instant,
        _ limit: Duration
    ) async throws {
        guard ContinuousClock.now < deadline else {
            throw VirtualMachineError.timeout(
                waitingFor: what,
                after: limit,
                messages: messages,
                console: console.tail()
            )
        }
        try await Task.sleep(for: Console.interval)
    }
}

/// A place in the output of one console that searches go on from.
///
/// Use one from one task at a time.
public final class ConsoleCursor {
    fileprivate var reader: ConsoleReader?

    /// The start of the present boot's output.
    public init() {}
}
