import Foundation
import ReleaseManifest
import TestSupport
import Testing
import VirtualMachine

/// A host that people come into: over SSH, over its API, over its serial console; with containers from a registry.
///
/// One emulated boot, in which everything is done that the tests look at.
struct ContainerStory: Sendable {
    /// What was done, by a name for it.
    let results: [String: SecureShell.Result]
    /// What the host reports when the admin container was disabled.
    let leftovers: Report
    /// The console's lines.
    let console: [String]
    /// The digest of the image in the registry, and one that is another image's.
    let digest: String
    let wrongDigest: String

    static let user = "root"
    private static let password = "let me in"
    /// Printed by the shell of the serial login, and by nothing that is typed.
    static let serialProof = "serial-login-proof"

    /// Who waits for what the API says, at most: an emulated host pulls, unpacks and starts.
    private static let limit = Duration.seconds(300)

    private static let record = Recording {
        let image = try BuiltImage()
        let shell = try SecureShell(user: user)
        let registry = try RegistryServer()
        let command = [
            "/bin/busybox", "sh", "-c",
            "trap 'exit 0' TERM; echo from the registry; while :; do sleep 1; done",
        ]
        // Busybox finds its own applets: there is nothing else in the image.
        let pushed = try registry.push("team/tool:1", command: command)
        let wrongDigest = "sha256:" + String(repeating: "0", count: 64)
        let web = try liar(pushed.manifest)
        let configuration = image.release.architecture
        let architecture = try #require(VirtualMachine.Architecture(rawValue: configuration))
        let units = [
            "bulkhead-leftovers.service": Probe.unit(
                port: architecture.secondSerialPort,
                sections: leftoverSections
            ),
            // The admin container, out of which it is started, has stopped by then.
            "bulkhead-leftovers.timer": "[Timer]\nOnActiveSec=120\nAccuracySec=1s\n",
        ]
        let guest = try Guest(
            disk: image.disk,
            of: image,
            sections: [],
            userData: try userData(shell: shell, registry: registry, web: web),
            units: units,
            forwards: [.init(host: shell.port, guest: 22)]
        )
        return try await guest.boot { machine in
            var story = Steps(shell: shell)
            try await shell.wait(within: Guest.limit)
            try await story.lookAround()
            try await story.pull(digest: pushed.digest, wrongDigest: wrongDigest)
            try await story.hurry()
            try await serialLogin(machine)
            // From here on there is no admin container.
            let cursor = ConsoleCursor()
            try await machine.waitForConsole(
                containing: Probe.end,
                within: Guest.limit,
                after: cursor,
                on: machine.secondSerialPort
            )
            try await story.leave()
            try await machine.waitForConsole(
                containing: Probe.end,
                within: Guest.limit,
                after: cursor,
                on: machine.secondSerialPort
            )
            try await machine.pressPowerButton()
            let status = try await machine.waitForExit(within: Guest.limit)
            try #require("\(status)" == "exited(0)")
            var lines: [String] = []
            for try await line in machine.console.lines { lines.append(line) }
            return ContainerStory(
                results: story.results,
                leftovers: try await guest.report(of: machine),
                console: lines,
                digest: pushed.digest,
                wrongDigest: wrongDigest
            )
        }
    }

    /// The host's life, which the first test that asks for it starts.
    static func get() async throws -> ContainerStory { try await record.value }

    /// A registry that answers one manifest, whatever digest was asked for.
    private static func liar(_ manifest: Data) throws -> (server: WebServer, folder: TemporaryDirectory) {
        let folder = try TemporaryDirectory()
        try manifest.write(to: folder.url.appending(path: "manifest.json"))
        let answer = """
            location /v2/ { types {} default_type application/vnd.oci.image.manifest.v1+json;
            try_files /manifest.json =404; }
            """
        return (try WebServer(folder: folder.path, directives: answer), folder)
    }

    private static func userData(
        shell: SecureShell,
        registry: RegistryServer,
        web: (server: WebServer, folder: TemporaryDirectory)
    ) throws -> String {
        let (status, hash) = try runTool("openssl", "passwd", "-6", "-salt", "saltsalt", password)
        try #require(status == 0, "openssl passwd: \(hash)")
        let admin: [String: Any] = [
            "ssh": ["authorized-keys": [shell.publicKey]],
            "password-hash": hash.trimmingCharacters(in: .whitespacesAndNewlines),
        ]
        let data = try JSONSerialization.data(withJSONObject: admin)
        let credentials = ["registry.example.org", registry.guestName].map { name in
            """
            [[settings.container-registry.credentials]]
            registry = "\(name)"
            username = "\(RegistryServer.user)"
            password = "\(RegistryServer.password)"
            """
        }
        return """
            [settings.host-containers.admin]
            enabled = true
            user-data = "\(data.base64EncodedString())"

            [settings.pki.registry]
            data = "\(Data(registry.certificate.utf8).base64EncodedString())"
            trusted = true

            [[settings.container-registry.mirrors]]
            registry = "registry.example.org"
            endpoint = ["\(registry.guestURL)"]

            [[settings.container-registry.mirrors]]
            registry = "liar.example.org"
            endpoint = ["http://10.0.2.2:\(web.server.ports[0])"]

            \(credentials.joined(separator: "\n"))
            """
    }

    /// What must be gone.
    private static let leftoverSections = [
        Probe.Section(
            name: "unit",
            command:
                "/usr/bin/systemctl show -p ActiveState,SubState,TasksCurrent host-container@admin.service"
        ),
        Probe.Section(name: "tasks", command: "\(ctr) tasks ls"),
        Probe.Section(name: "containers", command: "\(ctr) containers ls"),
        Probe.Section(name: "snapshots", command: "\(ctr) snapshots --snapshotter overlayfs ls"),
        Probe.Section(name: "mounts", command: "/usr/bin/mount"),
        Probe.Section(
            name: "processes",
            command: "/usr/bin/systemctl status --no-pager host-containers.slice"
        ),
        Probe.Section(name: "api", command: "/usr/bin/apiclient host-containers --json"),
        Probe.Section(name: "failed", command: "/usr/bin/systemctl list-units --failed --plain --no-legend"),
        Probe.Section(name: "journal", command: "/usr/bin/journalctl -b --no-pager -o short-monotonic"),
    ]
    private static let ctr = "/usr/bin/ctr --address /run/host-containerd/containerd.sock --namespace host"

    /// Logs in on the serial console with the password of the user data.
    private static func serialLogin(_ machine: VirtualMachine) async throws {
        let cursor = ConsoleCursor()
        // A line of the kernel's may have taken the place of the prompt: a new one comes with each empty line.
        for attempt in 1...10 {
            try await machine.type("\r")
            do {
                try await machine.waitForConsole(containing: "login:", within: .seconds(30), after: cursor)
                break
            } catch  where attempt < 10 { continue }
        }
        try await machine.type("\(user)\r")
        try await machine.waitForConsole(containing: "assword:", within: limit, after: cursor)
        try await machine.type("\(password)\r")
        try await Task.sleep(for: .seconds(10))
        // The terminal echoes what is typed: the proof comes only when a shell has put it together.
        try await machine.type("echo serial-login-\"proof\"; apiclient get os.version_id; exit\r")
        try await machine.waitForConsole(containing: serialProof, within: limit, after: cursor)
    }

    /// What is done in the guest, step by step.
    struct Steps {
        let shell: SecureShell
        private(set) var results: [String: SecureShell.Result] = [:]

        init(shell: SecureShell) { self.shell = shell }

        private mutating func run(_ name: String, _ command: String, terminal: Bool = false) throws {
            results[name] = try shell.run(command, terminal: terminal)
        }

        /// What an admin does first.
        mutating func lookAround() async throws {
            try run("os", "apiclient get os")
            try run("set", "apiclient set motd='from the admin container'")
            try run("get", "apiclient get settings.motd")
            try run("unset", "apiclient unset motd")
            try run("get-unset", "apiclient get settings.motd")
            try run("update-check", "apiclient update check")
            // The host has no programs to look around with: its shell comes from the container.
            try run(
                "host-shell",
                "host-shell systemctl show -p Version && echo 'echo /usr/lib/bulkhead/*' | host-shell"
            )
            try run(
                "host-journal",
                "host-shell journalctl --no-pager -q -b -u apiserver.service | head -c 4000"
            )
            try run("first-process", "cat /proc/1/comm; cat /.bulkhead/rootfs/usr/lib/os-release")
            try run("containers", "apiclient host-containers --json")
            try run("health", "apiclient health")
            try await until("control", is: "running")
            try run(
                "exec",
                "apiclient exec -T control -- sh -c 'echo out; echo err >&2; exit 7' 2>/tmp/err; s=$?; echo status $s; sed s/^/stderr:/ /tmp/err"
            )
            try run("exec-signal", "apiclient exec -T control -- sh -c 'kill -TERM $$'")
            try run("exec-input", "printf 'one\\ntwo\\n' | apiclient exec -T control -- wc -l")
            try run("exec-missing", "apiclient exec -T control -- /no/such/program")
            try run("exec-nowhere", "apiclient exec -T nobody -- true")
            try run("exec-terminal", "apiclient exec -t control -- tty", terminal: true)
            try run("exec-api", "apiclient exec -T control -- apiclient get os")
            try run(
                "control-id",
                "apiclient exec -T control -- sh -c 'grep CapEff /proc/self/status; ls /.bulkhead/rootfs'"
            )
        }

        /// Containers of the registry: by tag, by digest, and by one that the registry does not keep to.
        mutating func pull(digest: String, wrongDigest: String) async throws {
            try set("tool", source: "registry.example.org/team/tool:1")
            try await until("tool", is: "running")
            try run("tool", "apiclient host-containers --json")
            try run(
                "tool-journal",
                "host-shell journalctl --no-pager -q -b -o cat -u host-container@tool.service"
            )
            try set("pinned", source: "registry.example.org/team/tool@\(digest)")
            try await until("pinned", is: "running")
            try set("wrong", source: "liar.example.org/team/tool@\(wrongDigest)")
            results["wrong"] = try await until("wrong", is: "failed")
            try set("unknown", source: "registry.example.org/team/nothing:1")
            results["unknown"] = try await until("unknown", is: "failed")
            try run("pulled", "apiclient host-containers --json")
            try run("pulled-health", "apiclient health --json")
            try run(
                "supervisor",
                "grep VmRSS: /proc/$(host-shell systemctl show -P MainPID host-container@admin.service)/status"
            )
            for name in ["pinned", "wrong", "unknown"] { try set(name, enabled: false) }
        }

        /// Enables and disables in quick succession: the last one counts.
        mutating func hurry() async throws {
            for number in 1...10 { try set("tool", enabled: number.isMultiple(of: 2)) }
            try await until("tool", is: "running")
            for number in 1...9 { try set("tool", enabled: number.isMultiple(of: 2)) }
            try await until("tool", is: "stopped")
            try run("hurried", "apiclient host-containers --json")
            try run("hurried-tasks", "host-shell \(ContainerStory.ctr) tasks ls")
        }

        /// Disables the container in which this is done; the host looks for what is left of it a while later.
        mutating func leave() async throws {
            try run("timer", "host-shell systemctl start bulkhead-leftovers.timer")
            // The connection ends before an answer comes, or behind it.
            _ = try shell.run("apiclient set host-containers.admin.enabled=false")
        }

        private mutating func set(_ name: String, source: String) throws {
            let command =
                "apiclient set host-containers.\(name).source=\(source) host-containers.\(name).enabled=true"
            try run("set-\(name)", command)
            try #require(results["set-\(name)"]?.status == 0, "\(results["set-\(name)"]?.output ?? "")")
        }

        private mutating func set(_ name: String, enabled: Bool) throws {
            try run("set-\(name)", "apiclient set host-containers.\(name).enabled=\(enabled)")
            try #require(results["set-\(name)"]?.status == 0, "\(results["set-\(name)"]?.output ?? "")")
        }

        /// Waits for a state of a container, as the API tells it, and returns what it told then: one that fails is soon
        /// tried again.
        @discardableResult
        private func until(_ name: String, is state: String) async throws -> SecureShell.Result {
            let start = ContinuousClock.now
            var last = try shell.run("apiclient host-containers --json")
            while try ContainerStory.container(name, in: last.output)?["state"] as? String != state {
                guard ContinuousClock.now - start < ContainerStory.limit else {
                    Issue.record("'\(name)' is not \(state) within \(ContainerStory.limit): \(last.output)")
                    break
                }
                try await Task.sleep(for: .seconds(2))
                last = try shell.run("apiclient host-containers --json")
            }
            return last
        }
    }

    /// A container of what `apiclient host-containers --json` printed.
    static func container(_ name: String, in text: String) throws -> [String: Any]? {
        // The exit status tells of failed containers; whatever ssh says besides comes before.
        let json = text.drop { $0 != "{" }
        let object = try? JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any]
        return object?[name] as? [String: Any]
    }

    /// What was done under a name.
    func result(_ name: String) throws -> SecureShell.Result {
        try #require(results[name], "'\(name)' was not done")
    }
}
