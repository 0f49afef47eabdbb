internal import GRPCClient
internal import Protobuf

extension ContainerRuntime {
    /// How long containerd and the runtime may take to make a process.
    static let startLimit: Duration = .seconds(120)

    /// Starts a container's first process.
    ///
    /// - Parameter streams: what it reads and writes; see `StreamPaths` for who opens what when.
    /// - Returns: the number of the process.
    /// - Throws: `ContainerError`; the container is then still there, without a process.
    public func start(_ id: String, streams: StreamPaths) async throws(ContainerError) -> UInt32 {
        guard let record = try await record(of: id) else { throw .noContainer(id) }
        let what = "start container '\(id)'"
        let snapshot = Snapshots.KeyRequest(snapshotter: record.snapshotter, key: record.snapshotKey)
        let request = Tasks.CreateRequest(
            container: id,
            rootfs: try await call(Snapshots.mounts, snapshot, what, .repeated).mounts,
            streams: streams,
            options: record.runtime.options
        )
        do {
            _ = try await call(Tasks.create, request, what, limit: Self.startLimit)
            let process = Tasks.ProcessRequest(container: id)
            return try await call(Tasks.start, process, what, limit: Self.startLimit).pid
        } catch {
            if error.status?.code == .alreadyExists { throw .exists("the task of container '\(id)'") }
            await cleanUp { () async throws(ContainerError) in try await self.removeTask(id) }
            throw Self.cause(of: error, program: ProcessSpec(record.spec)?.program, container: id)
        }
    }

    /// Sends a signal to a container's first process, to all of its processes, or to one that was added.
    ///
    /// - Parameters:
    ///   - exec: a process that was added; nil for the first one.
    ///   - all: whether all processes get it.
    /// - Returns: whether there was a process to get it.
    @discardableResult
    public func kill(
        _ id: String,
        exec: String? = nil,
        signal: Int32,
        all: Bool = false
    ) async throws(ContainerError) -> Bool {
        guard let number = UInt32(exactly: signal), (1...64).contains(number) else {
            throw .invalid("signal \(signal)", reason: "signals are numbers from 1 to 64")
        }
        let request = Tasks.KillRequest(container: id, exec: exec ?? "", signal: number, all: all)
        let answer = try await unlessGone { () async throws(ContainerError) in
            try await self.call(Tasks.kill, request, "send signal \(signal) to '\(id)'", .repeated)
        }
        return answer != nil
    }

    /// Tells a process's terminal its size; a process that is gone is fine.
    public func resize(
        _ id: String,
        exec: String? = nil,
        columns: UInt32,
        rows: UInt32
    ) async throws(ContainerError) {
        let request = Tasks.ResizeRequest(container: id, exec: exec ?? "", columns: columns, rows: rows)
        _ = try await unlessGone { () async throws(ContainerError) in
            try await self.call(Tasks.resize, request, "resize the terminal of '\(id)'", .repeated)
        }
    }

    /// Ends what a process reads, once what was written before is read; a process that is gone is fine.
    ///
    /// The caller closes its own end of the FIFO, too.
    public func closeInput(_ id: String, exec: String? = nil) async throws(ContainerError) {
        let request = Tasks.CloseInputRequest(container: id, exec: exec ?? "")
        _ = try await unlessGone { () async throws(ContainerError) in
            try await self.call(Tasks.closeInput, request, "close the input of '\(id)'", .repeated)
        }
    }

    // MARK: Waiting

    /// Waits for the end of a process, over restarts of containerd.
    ///
    /// There is no limit to how long a process runs: cancel the task that waits.
    ///
    /// - Parameters:
    ///   - exec: a process that was added; nil for the container's first one.
    ///   - patience: how long containerd may be away at a time.
    /// - Returns: how it ended; `isLost` when nobody knows: its supervisor was killed, or it ended while containerd was
    ///   away, which then throws away what it finds to have ended.
    /// - Throws: `ContainerError.notRunning` when there is no such process to begin with.
    public func wait(
        _ id: String,
        exec: String? = nil,
        patience: Duration
    ) async throws(ContainerError) -> ExitStatus {
        let request = Tasks.ProcessRequest(container: id, exec: exec ?? "")
        let what = "wait for \(exec.map { "process '\($0)' in " } ?? "")container '\(id)'"
        var wasThere = false
        while true {
            let failure: ContainerError
            do {
                let end = try await call(Tasks.wait, request, what, limit: .seconds(3600))
                return ExitStatus(code: end.exitStatus, exitedAt: end.exitedAt.seconds, isLost: false)
            } catch {
                failure = error
            }
            switch failure {
            case .call(_, .timedOut), .call(_, .status(.deadlineExceeded, _)): break
            case .unavailable: wasThere = true
            case .call(_, .status(.notFound, _)): break
            // The connection to the shim breaks when it ends, and calls are cancelled when containerd ends: what is left of
            // the process tells more.
            case .call(_, .status(.unknown, _)), .call(_, .status(.internal, _)),
                .call(_, .status(.cancelled, _)):
                wasThere = true
            default: throw failure
            }
            if let end = try await present(id, exec, wasThere: wasThere, patience: patience) { return end }
            wasThere = true
            try await rest(.milliseconds(100), what)
        }
    }

    /// How a process ended that cannot be waited for; nil while it is there.
    private func present(
        _ id: String,
        _ exec: String?,
        wasThere: Bool,
        patience: Duration
    ) async throws(ContainerError) -> ExitStatus? {
        let started = ContinuousClock.now
        while true {
            do throws(ContainerError) {
                guard let process = try await task(of: id, exec: exec) else {
                    guard wasThere else { throw .notRunning(container: id, exec: exec) }
                    return .lost
                }
                guard process.isOver else { return nil }
                let isKnown = process.status == TaskRecord.State.stopped.rawValue
                // containerd knows no state either when the supervisor did not tell it within two seconds.
                if isKnown || ContinuousClock.now - started >= .seconds(10) {
                    return ExitStatus(
                        code: process.exitStatus,
                        exitedAt: process.exitedAt.seconds,
                        isLost: !isKnown
                    )
                }
            } catch {
                guard error.isUnavailable, ContinuousClock.now - started < patience else { throw error }
            }
            try await rest(.milliseconds(200), "look container '\(id)' up")
        }
    }

    // MARK: Failures

    /// The answer of a call, or nil when the process it is about has ended, or never was.
    private func unlessGone<Answer>(
        _ call: () async throws(ContainerError) -> Answer
    ) async throws(ContainerError) -> Answer? {
        do {
            return try await call()
        } catch {
            // The shim has no status of its own for it: "cannot resize a stopped container", "cannot kill a stopped process".
            let isStopped = error.status?.message.contains(" a stopped ") ?? false
            guard error.isNotFound || isStopped else { throw error }
            return nil
        }
    }

    /// Removes what a failure left, in a task that is cancelled too.
    func cleanUp(_ work: @escaping @Sendable () async throws(ContainerError) -> Void) async {
        await Task { try? await work() }.value
    }

    /// What an error at the start of a process means, as far as its text says.
    static func cause(of error: ContainerError, program: String?, container: String) -> ContainerError {
        guard let (code, message) = error.status else { return error }
        let texts = [
            "executable file", "unable to start container process", "no such file or directory",
            "No such file or directory", "ermission denied", "error finding executable",
        ]
        if code == .unknown || code == .notFound || code == .internal, let program,
            texts.contains(where: { message.contains($0) }), message.contains(program)
        {
            return .cannotRun(program: program, container: container, reason: message)
        }
        return error
    }
}

extension Tasks.Process {
    /// Whether nothing runs any more.
    var isOver: Bool {
        status == TaskRecord.State.stopped.rawValue || status == TaskRecord.State.unknown.rawValue
    }
}
