internal import HostAPI
internal import HostContainers
internal import SettingsModel

extension Step {
    static let bootstrap = Step(
        name: "bootstrap",
        summary: "run bootstrap commands and bootstrap containers, before the workloads",
        help: """
            Usage: hostd bootstrap [--socket SOCKET] [--apiclient FILE] [--root DIR] [--bus ADDRESS]

            Runs the calls of settings.bootstrap-commands and then the containers of
            settings.bootstrap-containers, one after the other in the order of their names, those of mode 'once'
            not a second time. What fails is printed and shown by GET /health; after an essential one nothing more
            is run, and workloads are not started.

              --socket SOCKET   the API (\(HostPaths.socket))
              --apiclient FILE  the program that makes the calls (\(HostPaths.client))
              --root DIR        where /etc, /run and /var are; for tests
              --bus ADDRESS     the message bus of systemd; for tests

            Exit status: 0; 1 when an essential one failed.
            """
    ) { options, console in
        var options = options
        let socket = try options.value("--socket", default: HostPaths.socket)
        let program = try options.value("--apiclient", default: HostPaths.client)
        let paths = HostContainerPaths(root: try options.value("--root", default: ""))
        let address = try options.value("--bus")
        try options.end()
        let client = LaunchClient(socket: socket)
        let bootstrap = Bootstrap(
            paths: paths,
            address: address,
            actions: .init(
                command: { arguments, limit in
                    do throws(StepError) {
                        _ = try CommandRun.output(of: [program, "-s", socket] + arguments, timeLimit: limit)
                        return nil
                    } catch { return error.description }
                },
                switchOff: { group, name in try await client.switchOff(group, name) },
                log: console.output
            )
        )
        let failures = try await bootstrap.run()
        let problems = failures.map { failure in
            HealthProblem(found: "bootstrap", key: "settings.\(failure.key)", failure.reason)
        }
        // The API may be what is wrong: then the journal has it all the same.
        do { try await client.report(.of(.bootstrap, problems)) } catch {
            console.error("GET /health could not be told: \(error)")
        }
        guard let essential = failures.first(where: \.isEssential) else { return 0 }
        console.error(
            "\(essential.key) is essential and failed: workloads are not started. Host containers are, to look after it; "
                + "see 'apiclient health' and 'journalctl -b -u bulkhead-bootstrap'"
        )
        return 1
    }
}
