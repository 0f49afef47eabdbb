internal import HostHealth

extension Step {
    static let checkBoot = Step(
        name: "check-boot",
        summary: "check that this boot is healthy",
        help: """
            Usage: hostd check-boot [--json] [--report FILE]

            Checks that this boot is healthy: one line a check, or one JSON object with --json.

              --report FILE  keep the JSON object for 'hostd record-failure', too (the unit of the boot does,
                             in \(HealthReport.path))

            Exit status: 0 healthy, 1 not.
            """
    ) { options, console in
        var options = options
        let asJSON = options.flag("--json")
        let file = try options.value("--report")
        try options.end()
        return report(HealthCheck.boot, asJSON: asJSON, file: file, console)
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

    static let recordFailure = Step(
        name: "record-failure",
        summary: "keep the reasons why the version on trial is given up, before the host is restarted",
        help: """
            Usage: hostd record-failure [--root DIR]

            Writes what is wrong with this boot to \(BootFailureRecord.path): checks that were not passed,
            units that failed or, if none did, those that are still being started.

              --root DIR  where /state, /run and /proc are; for tests

            Exit status: 0 kept, 1 not.
            """
    ) { options, console in
        var options = options
        let host = HostFiles(root: try options.value("--root", default: "/"))
        try options.end()
        let record = BootFailureRecord.current(on: host)
        record.lines.forEach(console.output)
        try record.save(on: host)
        return 0
    }

    static let showFailure = Step(
        name: "show-failure",
        summary: "tell of the last version that failed its trial on this host, and why",
        help: """
            Usage: hostd show-failure [--root DIR]

            Prints the record that a boot on trial left in \(BootFailureRecord.path) when it failed.

              --root DIR  where /state is; for tests

            Exit status: 0, also when there is no record.
            """
    ) { options, console in
        var options = options
        let host = HostFiles(root: try options.value("--root", default: "/"))
        try options.end()
        do throws(BootFailureRecordError) {
            let lines = try BootFailureRecord.load(from: host)?.lines
            (lines ?? ["no failed trial is on record"]).forEach(console.output)
        } catch {
            // A record that can't be read is no reason against the version that runs now.
            console.error("\(error)")
        }
        return 0
    }

    /// Runs checks and prints what they found.
    private static func report(
        _ checks: [HealthCheck],
        asJSON: Bool,
        file: String? = nil,
        _ console: Console
    ) -> Int32 {
        let report = HealthReport(running: checks, on: HostFiles())
        (asJSON ? [report.json] : report.lines).forEach(console.output)
        if let file {
            // What the checks found counts without the report, too.
            do { try SmallFile.write(report.json + "\n", to: file) } catch { console.error("\(error)") }
        }
        return report.isHealthy ? 0 : 1
    }
}
