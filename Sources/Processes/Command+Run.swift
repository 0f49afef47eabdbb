import Foundation
import Subprocess
import SystemPackage

extension Command {
    /// How long a program may take to end after SIGTERM before it gets SIGKILL.
    static let terminationGrace = Duration.seconds(2)
    /// How much of standard error is kept, in bytes.
    static let standardErrorLimit = 64 << 10

    /// Runs the program to its end and takes any other exit status than 0 as an error.
    ///
    /// - Parameter input: The bytes the program reads on standard input; nil gives it `/dev/null`.
    /// - Throws: `ProcessError`; `.failed` carries the last lines of standard error.
    @discardableResult
    public func run(input: [UInt8]? = nil) async throws(ProcessError) -> CommandOutput {
        let output = try await runReturningStatus(input: input)
        guard output.status.isSuccess else {
            throw .failed(
                command: commandLine,
                status: output.status,
                message: Self.lastLines(of: output.standardError)
            )
        }
        return output
    }

    /// Runs the program to its end and returns what it left, whatever its exit status.
    ///
    /// - Throws: `ProcessError`, but never `.failed`.
    public func runReturningStatus(input: [UInt8]? = nil) async throws(ProcessError) -> CommandOutput {
        let configuration = try makeConfiguration()
        _ = Self.brokenPipesAreErrors
        if Task.isCancelled { throw .cancelled(command: commandLine) }

        let start = ContinuousClock.now
        // Two tasks race, the program and its time limit. The first to end cancels the other; cancelling the
        // program's task ends the program.
        let outcome = await withTaskGroup(of: Race.self) { group in
            group.addTask {
                do throws(ProcessError) {
                    return .ended(.success(try await self.execute(configuration, input: input)))
                } catch {
                    return .ended(.failure(error))
                }
            }
            group.addTask {
                do {
                    try await Task.sleep(for: self.timeout)
                    return .timeLimitReached
                } catch {
                    return .timerCancelled
                }
            }
            var timedOut = false
            var result = Result<RawOutput, ProcessError>.failure(.cancelled(command: self.commandLine))
            for await event in group {
                switch event {
                case .ended(let ended):
                    result = ended
                    group.cancelAll()
                case .timeLimitReached:
                    timedOut = true
                    group.cancelAll()
                case .timerCancelled:
                    break
                }
            }
            return (result, timedOut)
        }
        return try judge(outcome.0, timedOut: outcome.1, duration: start.duration(to: .now))
    }

    private func judge(
        _ result: Result<RawOutput, ProcessError>,
        timedOut: Bool,
        duration: Duration
    ) throws(ProcessError) -> CommandOutput {
        switch result {
        case .success(let raw):
            let message = String(decoding: raw.standardError.suffix(Self.standardErrorLimit), as: UTF8.self)
            // A program that ended by itself at the last moment has a result all the same; one that was
            // stopped has not, even when it left with status 0.
            if raw.wasStopped || (!raw.status.isSuccess && (timedOut || Task.isCancelled)) {
                guard timedOut else { throw .cancelled(command: commandLine) }
                throw .timedOut(command: commandLine, limit: timeout, message: Self.lastLines(of: message))
            }
            return CommandOutput(
                status: raw.status,
                standardOutput: raw.standardOutput,
                standardError: message,
                duration: duration
            )
        case .failure(.cancelled) where timedOut:
            throw .timedOut(command: commandLine, limit: timeout, message: "")
        case .failure(let error):
            throw error
        }
    }

    private func makeConfiguration() throws(ProcessError) -> Configuration {
        let path = try resolvedExecutable()
        let variables = effectiveEnvironment
        let strings = [path] + arguments + variables.map { "\($0.key)=\($0.value)" }
        if let bad = strings.first(where: { $0.utf8.contains(0) }) {
            let shown = bad.replacing("\0", with: "\\0").prefix(80)
            throw .cannotStart(command: commandLine, reason: "'\(shown)' contains a NUL character; remove it")
        }
        var options = PlatformOptions()
        options.processGroupID = 0
        options.teardownSequence = [
            .gracefulShutDown(toProcessGroup: true, allowedDurationToNextStep: Self.terminationGrace)
        ]
        return Configuration(
            executable: .path(FilePath(path)),
            arguments: Arguments(arguments),
            environment: .custom(
                Dictionary(uniqueKeysWithValues: variables.map { (Environment.Key(stringLiteral: $0), $1) })
            ),
            workingDirectory: workingDirectory.map { FilePath($0) },
            platformOptions: options
        )
    }

    private func execute(_ configuration: Configuration, input: [UInt8]?) async throws(ProcessError)
        -> RawOutput
    {
        do {
            if let input {
                let result = try await Subprocess.run(
                    configuration,
                    input: .inputWriter,
                    output: .sequence,
                    error: .sequence
                ) { execution in
                    let writer = execution.standardInputWriter
                    return try await collect(
                        from: execution.standardOutput,
                        and: execution.standardError,
                        process: execution.processIdentifier.value
                    ) {
                        // A program may leave its input unread, as `head` does: only its status counts.
                        _ = try? await writer.write(input)
                        try? await writer.finish()
                    }
                }
                return result.closureResult.with(result.terminationStatus)
            }
            let result = try await Subprocess.run(
                configuration,
                input: .none,
                output: .sequence,
                error: .sequence
            ) { execution in
                try await collect(
                    from: execution.standardOutput,
                    and: execution.standardError,
                    process: execution.processIdentifier.value,
                    whileWriting: {}
                )
            }
            return result.closureResult.with(result.terminationStatus)
        } catch let error as ProcessError {
            throw error
        } catch let error as SubprocessError {
            if Task.isCancelled { throw .cancelled(command: commandLine) }
            switch error.code {
            case .executableNotFound, .spawnFailed, .failedToChangeWorkingDirectory:
                throw .cannotStart(command: commandLine, reason: error.description)
            default:
                throw .communication(command: commandLine, reason: error.description)
            }
        } catch {
            if Task.isCancelled { throw .cancelled(command: commandLine) }
            throw .communication(command: commandLine, reason: "\(error)")
        }
    }

    /// Reads both streams to their ends while `write` feeds standard input.
    private func collect(
        from output: SubprocessOutputSequence,
        and error: SubprocessOutputSequence,
        process: pid_t,
        whileWriting write: @escaping @Sendable () async -> Void
    ) async throws -> RawOutput {
        do {
            async let writing: Void = write()
            async let tail = Self.tail(of: error)
            let bytes = try await allBytes(of: output)
            var raw = RawOutput(standardOutput: bytes, standardError: try await tail)
            await writing
            raw.wasStopped = await Self.endGroupIfCancelled(process)
            return raw
        } catch {
            await Self.endGroupIfCancelled(process)
            throw error
        }
    }

    private func allBytes(of sequence: SubprocessOutputSequence) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        for try await buffer in sequence {
            guard bytes.count + buffer.count <= outputLimit else {
                throw ProcessError.outputTooLarge(command: commandLine, limit: outputLimit)
            }
            buffer.withUnsafeBytes { bytes.append(contentsOf: $0) }
        }
        return bytes
    }

    private static func tail(of sequence: SubprocessOutputSequence) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        for try await buffer in sequence {
            buffer.withUnsafeBytes { bytes.append(contentsOf: $0) }
            if bytes.count > 4 * standardErrorLimit { bytes.removeFirst(bytes.count - standardErrorLimit) }
        }
        return bytes
    }

    /// The last non-empty lines of a text, at most 12 of them and at most 4 KiB.
    static func lastLines(of text: String) -> String {
        let lines = text.split(whereSeparator: \.isNewline)
            .filter { !$0.allSatisfy(\.isWhitespace) }
        return String(lines.suffix(12).joined(separator: "\n").suffix(4096))
    }
}

private enum Race: Sendable {
    case ended(Result<RawOutput, ProcessError>)
    case timeLimitReached
    case timerCancelled
}

private struct RawOutput: Sendable {
    var standardOutput: [UInt8]
    var standardError: [UInt8]
    var status = ExitStatus.exited(0)
    var wasStopped = false

    func with(_ status: TerminationStatus) -> RawOutput {
        var copy = self
        switch status {
        case .exited(let code): copy.status = .exited(code)
        case .signaled(let number): copy.status = .signalled(number)
        }
        return copy
    }
}
