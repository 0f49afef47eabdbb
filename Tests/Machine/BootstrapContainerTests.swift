import Foundation
import Testing

/// A host with bootstrap containers and a bootstrap command, over two boots: at the second, an essential one fails.
private struct BootstrapBoots: Sendable {
    let first: Boot
    let second: Boot
    /// Owns the files of the disks.
    private let guest: Guest

    private static let client = "/usr/bin/apiclient"

    /// A container of the image's own, which says something and ends.
    private static func container(_ name: String, _ mode: String, _ script: String) -> String {
        """
        [settings.bootstrap-containers.\(name)]
        source = "localhost/control"
        mode = "\(mode)"
        command = ["/usr/bin/sh", "-c", "\(script)"]
        """
    }

    /// Counts how often it ran, in the folder that it keeps.
    private static func counting(_ name: String) -> String {
        "cd /.bulkhead/bootstrap-containers/current && echo ran >> runs && echo \(name) ran $(wc -l < runs)"
    }

    private static let userData = """
        \(container("a-once", "once", counting("a-once")))

        \(container("b-always", "always", counting("b-always")))

        \(container("c-failing", "always", "echo c-failing ran; exit 3"))

        [settings.bootstrap-commands.hello]
        commands = [["apiclient", "set", "motd=by a bootstrap command"]]
        mode = "always"
        """

    private static let sections =
        Probe.sections + [
            Probe.Section(name: "bootstrap", command: "\(client) get settings.bootstrap-containers"),
            Probe.Section(name: "motd", command: "\(client) get settings.motd"),
            Probe.Section(name: "api-health", command: "\(client) health --json"),
            Probe.Section(name: "api-containers", command: "\(client) host-containers --json"),
            Probe.Section(
                name: "order",
                command:
                    "/usr/bin/systemctl show -p ActiveEnterTimestampMonotonic,ExecMainStartTimestampMonotonic "
                    + "containerd.service"
            ),
        ]

    private static let record = Recording {
        let image = try BuiltImage()
        let change = Probe.Section(
            name: "change",
            command: "\(client) set bootstrap-containers.c-failing.essential=true"
        )
        let guest = try Guest(disk: image.disk, of: image, sections: sections + [change], userData: userData)
        let first = try await guest.bootAndPowerOff()
        let second = try await guest.bootAndPowerOff(sections: sections)
        return BootstrapBoots(first: first, second: second, guest: guest)
    }

    /// The boots, which the first test that asks for them starts.
    static func get() async throws -> BootstrapBoots { try await record.value }
}

@Suite(
    "Bootstrap containers of a host",
    .serialized,
    .ownThreads,
    .enabled(if: BuiltImage.hasHostContainers, BuiltImage.noHostContainersComment)
)
struct BootstrapContainerTests {
    @Test func onceIsOnceAndAlwaysIsAlways() async throws {
        let boots = try await BootstrapBoots.get()
        let first = try boots.first.report.text("journal")
        let second = try boots.second.report.text("journal")
        #expect(first.contains("a-once ran 1") && first.contains("b-always ran 1"))
        #expect(!second.contains("a-once ran") && second.contains("b-always ran 2"))
        // What ran once is switched off in the settings.
        for report in [boots.first.report, boots.second.report] {
            let settings = try report.object("bootstrap")["settings"] as? [String: Any]
            let containers = try #require(settings?["bootstrap-containers"] as? [String: [String: Any]])
            #expect(containers["a-once"]?["mode"] as? String == "off")
            #expect(containers["b-always"]?["mode"] as? String == "always")
        }
    }

    @Test func commandsChangeSettings() async throws {
        let boots = try await BootstrapBoots.get()
        #expect(try boots.first.report.text("motd").contains("by a bootstrap command"))
    }

    /// One that is not essential is told of, and holds nothing up.
    @Test func aFailureIsToldOf() async throws {
        let report = try await BootstrapBoots.get().first.report
        #expect(try report.unit("containerd.service").activeState == "active")
        #expect(try report.health().healthy)
        let health = try report.text("api-health")
        #expect(health.contains("settings.bootstrap-containers.c-failing"), "\(health)")
        let containers = try report.text("api-containers")
        let failing = try #require(try ContainerStory.container("boot.c-failing", in: containers))
        #expect(failing["state"] as? String == "failed")
        #expect((failing["last_error"] as? String)?.contains("3") == true)
        let once = try #require(try ContainerStory.container("boot.a-once", in: containers))
        #expect(once["state"] as? String == "exited" && once["kind"] as? String == "bootstrap")
    }

    @Test func workloadsComeAfterwards() async throws {
        let journal = try await BootstrapBoots.get().first.report.lines("journal")
        let ran = try #require(journal.lastIndex { $0.contains("c-failing ran") })
        let started = try #require(
            journal.firstIndex { $0.contains("containerd") && $0.contains("containerd successfully booted") }
        )
        // host-containerd, which runs them, says the same before.
        let workloads = try #require(
            journal.lastIndex {
                $0.contains("containerd") && $0.contains("containerd successfully booted")
            }
        )
        #expect(started < ran && ran < workloads)
    }

    /// An essential one stops the boot before the workloads; people still get in.
    @Test func anEssentialFailureStopsTheBoot() async throws {
        let boots = try await BootstrapBoots.get()
        let report = boots.second.report
        #expect(try report.unit("containerd.service").activeState != "active")
        // On a release under trial, that is what leads back to the one before (docs/boot-health.md).
        #expect(!(try report.health().healthy))
        #expect(try report.health().check("units").detail.contains("bulkhead-bootstrap.service"))
        let health = try report.text("api-health")
        #expect(health.contains("settings.bootstrap-containers.c-failing"), "\(health)")
        #expect(boots.second.console.contains { $0.contains("c-failing") })
        let control = try #require(
            try ContainerStory.container("control", in: try report.text("api-containers"))
        )
        #expect(control["state"] as? String == "running")
    }
}
