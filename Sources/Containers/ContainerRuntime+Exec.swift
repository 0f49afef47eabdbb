internal import GRPCClient
internal import Protobuf

extension ContainerRuntime {
    /// Adds a process to a container that runs, and starts it.
    ///
    /// - Parameters:
    ///   - id: the container.
    ///   - execID: a name for the process, unique in the container.
    ///   - process: what to run.
    ///   - streams: what it reads and writes; see `StreamPaths` for who opens what when.
    /// - Returns: the number of the process. Wait for it by `wait`, then remove it by `deleteExec`.
    /// - Throws: `ContainerError`, with `cannotRun` for a program that is not there; nothing is left then, but after
    ///   `mayRun`, when containerd went away: see to it by `removeExec`.
    public func exec(
        in id: String,
        execID: String,
        _ process: ExecProcess,
        streams: StreamPaths
    ) async throws(ContainerError) -> UInt32 {
        guard let program = process.arguments.first, !program.isEmpty else {
            throw .invalid("a command", reason: "it has no program")
        }
        guard !process.arguments.contains(where: { $0.utf8.contains(0) }) else {
            throw .invalid("the command '\(program)'", reason: "an argument has a byte that is zero")
        }
        guard let record = try await record(of: id) else { throw .noContainer(id) }
        guard let spec = ProcessSpec(record.spec) else {
            throw .badAnswer("look container '\(id)' up", reason: "its specification has no process")
        }
        let what = "run '\(program)' in container '\(id)'"
        let added = Tasks.ExecRequest(
            container: id,
            streams: streams,
            spec: spec.adding(process),
            exec: execID
        )
        do {
            _ = try await call(Tasks.exec, added, what, limit: Self.startLimit)
        } catch {
            switch error.status?.code {
            case .notFound: throw .notRunning(container: id, exec: nil)
            case .alreadyExists: throw .exists("process '\(execID)' in container '\(id)'")
            case .unknown where error.status?.message.contains(" a stopped ") ?? false:
                throw .notRunning(container: id, exec: nil)
            // Whether it was added is not known when the connection broke, or no answer came in time.
            default: throw await removing(id, execID, after: error)
            }
        }
        do {
            let request = Tasks.ProcessRequest(container: id, exec: execID)
            return try await call(Tasks.start, request, what, limit: Self.startLimit).pid
        } catch {
            throw await removing(
                id,
                execID,
                after: Self.cause(of: error, program: program, container: id)
            )
        }
    }

    /// Removes a process that was added and has ended.
    ///
    /// - Returns: how it ended; nil when there is no such process.
    /// - Throws: `ContainerError` also when it still runs.
    @discardableResult
    public func deleteExec(_ id: String, exec: String) async throws(ContainerError) -> ExitStatus? {
        let request = Tasks.ProcessRequest(container: id, exec: exec)
        let answer = try await unlessMissing { () async throws(ContainerError) in
            try await self.call(
                Tasks.deleteProcess,
                request,
                "remove process '\(exec)' of '\(id)'",
                .repeated
            )
        }
        return answer.map { ExitStatus(code: $0.exitStatus, exitedAt: $0.exitedAt.seconds, isLost: false) }
    }

    /// Kills and removes a process that was added, in whatever state it is; one that is not there is fine.
    ///
    /// - Throws: `ContainerError` when containerd is away, or the process does not end within ten seconds; it is there
    ///   then, and this may be tried again.
    public func removeExec(_ id: String, exec: String) async throws(ContainerError) {
        let started = ContinuousClock.now
        while true {
            let failure: ContainerError
            do throws(ContainerError) {
                _ = try await deleteExec(id, exec: exec)
                return
            } catch {
                failure = error
            }
            // containerd says no: it runs.
            guard failure.status != nil, ContinuousClock.now - started < .seconds(10) else { throw failure }
            do throws(ContainerError) {
                _ = try await kill(id, exec: exec, signal: 9)
            } catch {
                guard error.status != nil else { throw error }
            }
            try await rest(.milliseconds(50), "remove process '\(exec)' of '\(id)'")
        }
    }

    /// Removes what there may be of a process that could not be started, in a task that is cancelled too.
    ///
    /// - Returns: why it was not started; `mayRun` if it could not be removed.
    private func removing(_ id: String, _ exec: String, after cause: ContainerError) async -> ContainerError {
        await Task { () -> ContainerError in
            do throws(ContainerError) {
                try await self.removeExec(id, exec: exec)
                return cause
            } catch {
                return .mayRun(container: id, exec: exec, reason: "\(cause); then: \(error)")
            }
        }.value
    }
}
