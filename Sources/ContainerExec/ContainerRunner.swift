public import Containers
public import HostAPI

/// Runs commands in containers of containerd; targets are the identifiers of containers.
public struct ContainerRunner: ExecRunner {
    /// What commands find in TERM whose client does not say what its terminal is.
    static let plainTerminal = "screen"

    private let runtime: ContainerRuntime
    private let patience: Duration

    /// - Parameters:
    ///   - runtime: containerd and the namespace of the containers.
    ///   - patience: how long containerd may be away before a command counts as lost.
    public init(_ runtime: ContainerRuntime, patience: Duration = .seconds(30)) {
        self.runtime = runtime
        self.patience = patience
    }

    /// Starts a command with the rights and the environment of the container's first process.
    public func start(_ command: ExecCommand, id: String, streams: ExecStreams)
        async throws(ContainerExecError)
    {
        let terminal = command.terminal
        let size = terminal?.size ?? ExecTerminalSize(rows: 24, columns: 80)
        let process = ExecProcess(
            arguments: command.arguments,
            terminal: terminal == nil
                ? nil : TerminalSize(columns: UInt32(size.columns), rows: UInt32(size.rows)),
            environmentAdditions: terminal.map { ["TERM=\($0.term ?? Self.plainTerminal)"] } ?? []
        )
        let paths = StreamPaths(
            stdin: streams.input,
            stdout: streams.output,
            stderr: streams.errors ?? "",
            terminal: terminal != nil
        )
        do throws(ContainerError) {
            _ = try await runtime.exec(in: command.target, execID: id, process, streams: paths)
            // Not every runtime takes the size from the specification.
            if terminal != nil { await resize(command.target, id: id, to: size) }
        } catch {
            throw Self.fault(error, command.target)
        }
    }

    /// Waits over restarts of containerd.
    public func wait(_ target: String, id: String) async throws(ContainerExecError) -> UInt32 {
        do throws(ContainerError) {
            let status = try await runtime.wait(target, exec: id, patience: patience)
            guard status.isLost else { return status.code }
        } catch {
            throw .lost(target: target, reason: "\(error)")
        }
        throw .lost(target: target, reason: "its supervisor went away")
    }

    /// Gives the command's terminal another size; one that is gone needs none.
    public func resize(_ target: String, id: String, to size: ExecTerminalSize) async {
        try? await runtime.resize(target, exec: id, columns: UInt32(size.columns), rows: UInt32(size.rows))
    }

    /// Lets go of the end of the FIFO that the command's supervisor keeps open for writing.
    public func closeInput(_ target: String, id: String) async -> Bool {
        (try? await runtime.closeInput(target, exec: id)) != nil
    }

    /// Sends a signal; a command that is gone needs none.
    public func signal(_ target: String, id: String, _ number: Int32) async -> Bool {
        do throws(ContainerError) {
            _ = try await runtime.kill(target, exec: id, signal: number)
            return true
        } catch {
            // What was refused once will be again: the next signal may do.
            return !error.isUnavailable
        }
    }

    /// Removes the command's record, and its supervisor's; what still runs is killed.
    public func remove(_ target: String, id: String) async -> Bool {
        (try? await runtime.removeExec(target, exec: id)) != nil
    }

    private static func fault(_ error: ContainerError, _ target: String) -> ContainerExecError {
        switch error {
        case .noContainer, .notRunning: .unknownTarget(target)
        case .unavailable(_, let reason): .unavailable(reason: reason)
        case .mayRun(_, _, let reason): .lost(target: target, reason: reason)
        case .cannotRun(let program, _, let reason):
            .notStarted(target: target, reason: "'\(program)' cannot be run: \(reason)")
        default: .notStarted(target: target, reason: "\(error)")
        }
    }
}
