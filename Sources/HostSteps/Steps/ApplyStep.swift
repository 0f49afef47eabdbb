internal import HostAPI

extension Step {
    static let apply = Step(
        name: "apply",
        summary: "commit the settings of this boot, render every file and restart what reads it",
        help: """
            Usage: hostd apply [--socket SOCKET] [--state DIR] [--run DIR]

            Commits the transaction '\(HostPaths.transaction)', notes that user data was taken, and has
            apiserver render every file that follows settings and restart what reads it. What fails is
            printed and shown by GET /health.

              --socket SOCKET  the API (\(HostPaths.socket))
              --state DIR      the store of settings (\(HostPaths.store))
              --run DIR        the host's runtime files (\(HostPaths.runtime))

            Exit status: 0, also when a file or service failed; 1 when the API could not be asked.
            """
    ) { options, console in
        var options = options
        let client = LaunchClient(socket: try options.value("--socket", default: HostPaths.socket))
        let marker = UserDataMarker(
            store: try options.value("--state", default: HostPaths.store),
            runtime: try options.value("--run", default: HostPaths.runtime)
        )
        try options.end()
        var commitError: (any Error)?
        do {
            let isCommitted = try await client.commit()
            console.output(isCommitted ? "the settings of this boot are committed" : "no new settings")
            try marker.promote()
        } catch {
            // The settings that are in force can still be applied.
            console.error("hostd apply: \(error)")
            commitError = error
        }
        let result = try await client.applyEverything()
        describe(result, console)
        // Which files and services failed is known to the server, until a later run of them succeeds.
        let problems = commitError.map { [HealthProblem(found: "apply", "\($0)")] } ?? []
        try await client.report(.of(.apply, problems))
        return commitError == nil ? 0 : 1
    }

    private static func describe(_ result: ApplyResult, _ console: Console) {
        let written = result.files.count { $0.changed }
        let done = result.services.count { $0.outcome == .done }
        console.output("\(written) files written, \(done) services told")
        result.failures.forEach { console.error($0) }
        result.notices.forEach { console.output("notice: \($0)") }
    }
}

extension ApplyResult {
    /// The files and services that failed, and why.
    fileprivate var failures: [String] {
        files.compactMap { file in file.error.map { "file \(file.path): \($0)" } }
            + services.filter { $0.outcome == .failed || $0.outcome == .timedOut }.map { service in
                "service \(service.name): \(service.command): \(service.error ?? service.outcome.rawValue)"
            }
    }
}
