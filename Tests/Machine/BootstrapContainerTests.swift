import Foundation
import TestSupport
import Testing

/// A host with bootstrap containers and a bootstrap command, over two boots: at the second, an essential one fails, and
/// there is no network.
private struct BootstrapBoots: Sendable {
    let first: Boot
    /// The console of a boot like the second, of a release that is on trial.
    let trial: [String]
    /// The boot entries after it, and what their name was without a counter.
    let entries: [String]
    let entry: String
    let second: Boot
    /// Own the files of the disks.
    private let guest: Guest
    private let folder: TemporaryDirectory

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

    /// The disk of the data, which the first boot makes a file system on.
    private static let setUp = """
        disk=/dev/disk/by-id/virtio-disk1; mkdir -p /mnt/data; busybox mount -t ext4 $disk /mnt/data \
        || { busybox mke2fs $disk && busybox mount -t ext4 $disk /mnt/data; }; \
        echo boot >> /mnt/data/boots && echo a-disk has $(wc -l < /mnt/data/boots)
        """

    private static let userData = """
        \(container("a-disk", "always", setUp))

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
        let folder = try TemporaryDirectory()
        let data = folder.file("data.raw")
        try #require(FileManager.default.createFile(atPath: data, contents: nil))
        try #require(truncate(data, 64 << 20) == 0)
        let guest = try Guest(
            disk: image.disk,
            of: image,
            sections: sections + [change],
            userData: userData,
            disks: [data]
        )
        let first = try await guest.bootAndPowerOff()
        let (trial, entries) = try await failTrial(of: guest, image)
        let second = try await guest.bootAndPowerOff(sections: sections, hasNetwork: false)
        return BootstrapBoots(
            first: first,
            trial: trial,
            entries: entries,
            entry: image.entryName,
            second: second,
            guest: guest,
            folder: folder
        )
    }

    /// Boots a copy of the host as if its release were on trial, and waits for its reset.
    private static func failTrial(
        of guest: Guest,
        _ image: BuiltImage
    ) async throws -> (console: [String], entries: [String]) {
        let disk = try guest.flattenedDisk()
        let names = ("::EFI/Linux/\(image.entryName).efi", "\(image.entryName)+2.efi")
        let (status, output) = try runTool("mren", "-i", try disk.mtoolsImage(), names.0, names.1)
        try #require(status == 0, "mren: \(output)")
        let copy = try guest.copy(disk: disk.path)
        let console = try await copy.bootUntilReset().console
        return (console, try copy.flattenedDisk().espNames("EFI/Linux"))
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

    /// What one mounts below /mnt is there for the workloads, at each boot.
    @Test func disksAreSetUp() async throws {
        let boots = try await BootstrapBoots.get()
        for (number, report) in zip(1..., [boots.first.report, boots.second.report]) {
            let mounts = try report.lines("mounts")
            #expect(mounts.contains { $0.contains(" on /var/mnt/data type ext") }, "\(mounts)")
            #expect(try report.text("journal").contains("a-disk has \(number)"))
        }
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
        #expect(!(try report.health().healthy))
        #expect(try report.health().check("units").detail.contains("bulkhead-bootstrap.service"))
        let health = try report.text("api-health")
        #expect(health.contains("settings.bootstrap-containers.c-failing"), "\(health)")
        #expect(boots.second.console.contains { $0.contains("c-failing") })
        let control = try #require(
            try ContainerStory.container("control", in: try report.text("api-containers"))
        )
        // The host has no network in this boot; who comes in is on its console.
        #expect(control["state"] as? String == "running")
    }

    /// Of a release on trial it is what leads back to the one before.
    @Test func anEssentialFailureEndsATrial() async throws {
        let boots = try await BootstrapBoots.get()
        #expect(boots.entries == ["\(boots.entry)+1-1.efi"])
        let console = boots.trial
        #expect(console.contains { $0.contains("failed: bulkhead-bootstrap.service") })
        #expect(console.contains { $0.contains("this boot is on trial and has not completed") })
    }
}
