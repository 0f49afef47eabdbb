internal import Glibc
internal import HostContainers
internal import NIOCore
internal import NIOPosix

extension Step {
    static let hostContainers = Step(
        name: "host-containers",
        summary: "start and stop host containers as settings ask",
        help: """
            Usage: hostd host-containers apply [--root DIR] [--bus ADDRESS]

            Reads the rendered settings of host containers, writes what each needs to its folders, and asks
            systemd to start, restart or stop their units; it does not wait for them. What crashes have left in
            the runtime is taken away. What the containers do is told by 'apiclient host-containers'.

              --root DIR     where /etc, /run and /var are; for tests
              --bus ADDRESS  the message bus of systemd; for tests

            Exit status: 0 all could be asked for, 1 not.
            """
    ) { options, console in
        var options = options
        let paths = HostContainerPaths(root: try options.value("--root", default: ""))
        let address = try options.value("--bus")
        guard options.operand() == "apply" else { throw UsageError("say what to do: 'apply'") }
        try options.end()
        let apply = HostContainersApply(paths: paths, address: address, log: console.output)
        let outcome = try apply.run()
        outcome.problems.forEach(console.error)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        await apply.sweep(keeping: outcome.ids, eventLoop: group.next())
        try? await group.shutdownGracefully()
        return outcome.problems.isEmpty ? 0 : 1
    }

    static let hostContainer = Step(
        name: "host-container",
        summary: "what the unit of one host container or bootstrap container runs",
        help: """
            Usage: hostd host-container prepare|run|clean ID [--root DIR]

            Run by the unit of a container, with a process for each step.

              prepare     get its image into the runtime, from this OS or from a registry
              run         start it, carry its output to the journal, and stay until it ends; SIGTERM ends it
              clean       take away what is left of it in the runtime
              ID          the container's name; of a bootstrap container with 'boot.' in front
              --root DIR  where /etc, /run and /var are; for tests

            Example: hostd host-container prepare admin
            Exit status: 0 done; of 'run' also the container's own.
            """
    ) { options, console in
        var options = options
        let paths = HostContainerPaths(root: try options.value("--root", default: ""))
        guard let action = options.operand(), ["prepare", "run", "clean"].contains(action) else {
            throw UsageError("say what to do: 'prepare', 'run' or 'clean'")
        }
        guard let id = options.operand() else { throw UsageError("say which container") }
        try options.end()
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let supervisor = ContainerSupervisor(
            id: id,
            paths: paths,
            eventLoop: group.next(),
            log: console.error
        )
        let status: Int32
        do {
            status = try await perform(action, supervisor)
        } catch {
            try? await group.shutdownGracefully()
            throw error
        }
        try? await group.shutdownGracefully()
        return status
    }

    private static func perform(_ action: String, _ supervisor: ContainerSupervisor) async throws -> Int32 {
        switch action {
        case "prepare":
            // Being stopped is no failure, and a unit that failed once is shown as failed for good. For commands before
            // ExecStart= systemd does not take the signal itself as a clean end (systemd.service(5), SuccessExitStatus=).
            // What becomes of a signal that comes while this program is still loaded, 'clean' sets right.
            signal(SIGTERM) { _ in _exit(0) }
            try await supervisor.prepare()
        case "clean": await supervisor.clean()
        default:
            // There is one such process for each container, for as long as the container runs.
            let settled = Task {
                try await Task.sleep(for: .seconds(30))
                StartupPages.release()
            }
            defer { settled.cancel() }
            if case .exited(let code) = try await supervisor.run() { return Int32(min(code, 255)) }
        }
        return 0
    }
}
