import HostAPI
import JSON
import SettingsModel

/// One value or more of each payload, with all members and with as few as can be.
enum PayloadExamples {
    static let time = Timestamp(seconds: 1_800_000_000)
    static let image = UpdateStatus.Image(arch: "x86_64", version: "1.2.0", variant: "vm-containerd")
    static let summary = GenerationSummary(
        number: 7,
        isCurrent: true,
        time: time,
        osVersion: "1.2.0",
        author: .init(uid: 0, gid: .max, pid: -1, program: "apiclient"),
        reason: "commit",
        trial: .init(secondsLeft: 55, previous: 6)
    )
    static let problem = HealthProblem(
        source: "user-data",
        key: "settings.motd",
        value: "42",
        message: "must be a text",
        time: time
    )

    static let all: [any Payload] = [
        Problem(status: 404, detail: "there is none"),
        Problem(
            InvalidSettings(problems: [
                SettingProblem(key: "settings.motd", value: 42, allowed: "a text"),
                SettingProblem(key: "settings.mtod", value: nil, allowed: "there is no such setting"),
            ])
        ),
        OSInfo(prettyName: "Bulkhead", variantID: "vm", versionID: "1", buildID: "abc", arch: "x86_64"),
        TransactionView(
            settings: ["motd": "hi"],
            strengths: [SettingKey(["motd"]): .weak],
            deletions: [SettingKey(["network", "hostname"])]
        ),
        TransactionView(settings: [:], strengths: [:], deletions: []),
        summary,
        GenerationSummary(
            number: 0,
            isCurrent: false,
            time: Timestamp(seconds: 0),
            osVersion: "",
            author: .init(uid: 1, gid: 1, pid: 1, program: ""),
            reason: "first"
        ),
        GenerationDetail(
            summary: summary,
            settings: ["motd": "hi"],
            strong: ["motd": "hi"],
            weak: [:],
            defaults: [:]
        ),
        GenerationComparison(
            from: 1,
            to: 2,
            changes: [
                .init(key: "settings.motd", before: nil, after: "hi"),
                .init(key: "settings.network.hostname", before: "a", after: nil),
            ]
        ),
        ApplyResult(
            changed: ["settings.motd"],
            files: [
                .init(path: "/etc/motd", changed: true), .init(path: "/etc/x", changed: false, error: "no"),
            ],
            services: [
                .init(
                    name: "a",
                    command: "systemctl try-restart a.service",
                    outcome: .timedOut,
                    error: "60 s"
                )
            ],
            notices: ["boot parameters need a reboot"]
        ),
        ApplyResult(),
        ServiceInfo(configurationFiles: ["motd"], restartCommands: []),
        ConfigurationFileInfo(path: "/etc/motd", templatePath: "/usr/share/motd", mode: "0644"),
        GeneratorInfo(command: "hostd generate-hostname", strength: .strong),
        GeneratorInfo(command: "hostd generate-hostname", strength: .weak),
        UpdateStatus(
            state: .staged,
            availableUpdates: ["1.3.0", "1.2.1"],
            chosenUpdate: image,
            activePartition: .init(image: image, nextToBoot: true),
            stagingPartition: .init(image: image, nextToBoot: false),
            mostRecentCommand: .init(
                kind: .prepare,
                status: .failed,
                timestamp: time,
                exitStatus: 1,
                stderr: "no\nspace"
            )
        ),
        UpdateStatus(
            state: .idle,
            availableUpdates: [],
            chosenUpdate: nil,
            activePartition: nil,
            stagingPartition: nil,
            mostRecentCommand: .init(
                kind: .refresh,
                status: .unknown,
                timestamp: time,
                exitStatus: nil,
                stderr: nil
            )
        ),
        problem,
        HealthProblem(source: "store", message: "", time: time),
        BootReport(step: .userData, problems: [problem]),
        BootReport(step: .migrate, problems: []),
        Health(status: .degraded, problems: [problem], boot: [BootReport(step: .apply, problems: [])]),
        Health(status: .starting, problems: [], boot: []),
        HostContainerStatus(
            name: "admin",
            kind: .host,
            desired: .running,
            state: .pulling,
            image: .init(
                source: "registry.example.org/admin:1",
                digest: "sha256:\(String(repeating: "a", count: 64))"
            ),
            since: time,
            restarts: .max,
            lastError: "the registry\nis away",
            progress: .init(done: 1, total: 1 << 40)
        ),
        HostContainerStatus(
            name: "setup",
            kind: .bootstrap,
            desired: .once,
            state: .stopped,
            image: .init(source: "localhost/setup"),
            since: time
        ),
        KeyPairs(["settings.motd=a=b", "kernel.sysctl.\"a=b\"=1"]),
    ]
}
