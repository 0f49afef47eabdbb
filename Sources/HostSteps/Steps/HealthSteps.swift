internal import HostHealth

extension Step {
    static let checkBoot = Step(
        name: "check-boot",
        summary: "check that this boot is healthy",
        help: """
            Usage: hostd check-boot [--json]

            Checks that this boot is healthy: one line a check, or one JSON object with --json.
            Exit status: 0 healthy, 1 not.
            """
    ) { options, console in
        var options = options
        let asJSON = options.flag("--json")
        try options.end()
        return report(HealthCheck.boot, asJSON: asJSON, console)
    }

    static let verifyRoot = Step(
        name: "verify-root",
        summary: "read every block of the root file system through dm-verity",
        help: """
            Usage: hostd verify-root

            Reads every block of the root file system through dm-verity.
            Exit status: 0 all could be read, 1 not.
            """
    ) { options, console in
        try options.end()
        return report([.wholeRoot], asJSON: false, console)
    }

    static let checkTrial = Step(
        name: "check-trial",
        summary: "succeed while this boot is on trial and boot-complete.target has not been reached",
        help: """
            Usage: hostd check-trial

            Succeeds while this boot is on trial and boot-complete.target has not been reached.
            Exit status: 0 still to prove itself, 1 not.
            """
    ) { options, console in
        try options.end()
        let trial = Trial.current(on: HostFiles())
        console.output("\(trial)")
        return trial.isUndecided ? 0 : 1
    }

    /// Runs checks and prints what they found.
    private static func report(_ checks: [HealthCheck], asJSON: Bool, _ console: Console) -> Int32 {
        let report = HealthReport(running: checks, on: HostFiles())
        (asJSON ? [report.json] : report.lines).forEach(console.output)
        return report.isHealthy ? 0 : 1
    }
}
