import Containers
import Foundation
import Glibc
import HostAPI
import JSON
import OCI
import TestSupport
import Testing

@testable import HostContainers

/// Containers of a host below a temporary folder, in a real containerd.
@Suite(.enabled(if: Containerd.isAvailable, Comment(rawValue: Containerd.skipReason)))
struct SupervisorTests {
    @Test func livesFromItsImageToItsEnd() async throws {
        let station = try Station()
        let supervisor = try station.supervisor(
            "/bin/sh",
            "-c",
            "cd /.bulkhead/host-containers; cat current/user-data > \(station.id)/new; /bin/busybox mv current/new current/copy; trap 'exit 0' TERM; while true; do sleep 0.2; done",
            userData: "keys"
        )
        func copy() -> String? { station.stored("copy") }
        try await supervisor.prepare()
        #expect(try station.status().state == .starting)
        #expect(try station.status().image.digest == station.manifest)
        let stop = StopRequest(signals: [40])
        async let end = supervisor.run(until: stop)
        try await station.wait(for: "copy")
        #expect(copy() == "keys")
        #expect(try station.status().state == .running)
        kill(getpid(), 40)
        #expect(try await end == .stopped)
        #expect(try station.status().state == .stopped && station.status().lastError == nil)
        try station.expectNothingLeft()
        // The image is there, and the folder that lasts.
        try await supervisor.prepare()
        #expect(copy() == "keys")
    }

    @Test func whatIgnoresTheRequestIsKilled() async throws {
        let station = try Station()
        var supervisor = try station.supervisor(
            "/bin/sh",
            "-c",
            "trap '' TERM; touch /.bulkhead/host-containers/current/up; while true; do sleep 1; done"
        )
        supervisor.stopLimit = .milliseconds(500)
        try await supervisor.prepare()
        let stop = StopRequest(signals: [41])
        let running = supervisor
        async let end = running.run(until: stop)
        try await station.wait(for: "up")
        kill(getpid(), 41)
        #expect(try await end == .stopped)
        try station.expectNothingLeft()
    }

    @Test func anEndByItselfIsTold() async throws {
        let station = try Station()
        let supervisor = try station.supervisor("/bin/sh", "-c", "exit 3")
        try await supervisor.prepare()
        #expect(try await supervisor.run(until: StopRequest(signals: [42])) == .exited(3))
        #expect(try station.status().state == .failed)
        #expect(try station.status().lastError?.contains("status 3") == true)
        await supervisor.clean()
        try await supervisor.prepare()
        // The next start: what went wrong stays to be seen.
        #expect(try station.status().state == .starting && station.status().restarts == 1)
        #expect(try station.status().lastError?.contains("status 3") == true)
        try station.expectNothingLeft()
    }

    @Test func aMissingProgramIsNamed() async throws {
        let station = try Station()
        let supervisor = try station.supervisor("/bin/nonexistent")
        try await supervisor.prepare()
        await #expect(throws: ContainerError.self) {
            try await supervisor.run(until: StopRequest(signals: [43]))
        }
        #expect(try station.status().state == .failed)
        #expect(try station.status().lastError?.contains("/bin/nonexistent") == true)
        try station.expectNothingLeft()
    }

    @Test func anOrdinaryContainerIsFencedIn() async throws {
        let station = try Station()
        let supervisor = try station.supervisor(
            "/bin/sh",
            "-c",
            """
            { while read -r k v; do case $k in CapEff:|NoNewPrivs:|Seccomp:) echo $k $v;; esac; done; } \
            < /proc/self/status > /.bulkhead/host-containers/current/facts; ls /.bulkhead >> /.bulkhead/host-containers/current/facts; \
            if /bin/busybox mount -t tmpfs none /tmp; then echo mounted; fi >> /.bulkhead/host-containers/current/facts 2>&1
            """
        )
        try await supervisor.prepare()
        _ = try await supervisor.run(until: StopRequest(signals: [44]))
        let facts = station.stored("facts") ?? ""
        #expect(facts.contains("CapEff: 00000000a80425fb"), "\(facts)")
        #expect(facts.contains("NoNewPrivs: 1") && facts.contains("Seccomp: 2"))
        #expect(!facts.contains("mounted") && !facts.contains("rootfs"))
    }

    @Test func aSuperpoweredContainerSeesTheHost() async throws {
        let station = try Station()
        let supervisor = try station.supervisor(
            "/bin/sh",
            "-c",
            "ls /.bulkhead/rootfs > /.bulkhead/host-containers/current/root; ls -d /proc/1 /dev/null /dev/pts > /.bulkhead/host-containers/current/dev; ls /dev/kmsg /dev/tty >> /.bulkhead/host-containers/current/dev",
            superpowered: true
        )
        try await supervisor.prepare()
        _ = try await supervisor.run(until: StopRequest(signals: [45]))
        #expect(
            station.stored("root")?.contains("usr") == true,
            "\((try? station.status()).debugDescription)"
        )
        #expect(station.stored("dev")?.contains("/dev/tty") == true)
        try station.expectNothingLeft()
    }

    @Test func aBootstrapContainerMayMount() async throws {
        let station = try Station()
        // What is for the workloads, where ours and Bottlerocket's look for it.
        var host = ContainerSpecBuilder.Host()
        host.mounts = station.folder.file("mnt")
        try FileManager.default.createDirectory(atPath: "\(host.mounts)/a", withIntermediateDirectories: true)
        let supervisor = try station.supervisor(
            "/bin/sh",
            "-c",
            """
            for place in /tmp /mnt/a /.bottlerocket/rootfs/mnt/a; do
                /bin/busybox mount -t tmpfs none $place && touch $place/x || exit 9
            done
            """,
            kind: .bootstrap,
            builder: ContainerSpecBuilder(host: host)
        )
        try await supervisor.prepare()
        #expect(try await supervisor.run(until: StopRequest(signals: [46])) == .exited(0))
        #expect(try station.status(.bootstrap).state == .exited)
        #expect(station.files.wasStarted("boot.\(station.id)"))
        try station.expectNothingLeft()
    }

    /// What it formats; loop0 is a disk on any machine, whether there is a file behind it or not.
    @Test(arguments: [HostContainerStatus.Kind.bootstrap, .host])
    func onlyABootstrapContainerOpensDisks(_ kind: HostContainerStatus.Kind) async throws {
        let station = try Station()
        let supervisor = try station.supervisor(
            "/bin/sh",
            "-c",
            // A character device that nobody gave it is not opened either: /dev/kmsg's.
            """
            /bin/busybox mknod /disk b 7 0 && /bin/busybox mknod /log c 1 11 || exit 8
            /bin/busybox dd if=/log of=/dev/null count=0 2>/dev/null && exit 9
            exec /bin/busybox dd if=/dev/null of=/disk count=0 conv=notrunc
            """,
            kind: kind
        )
        try await supervisor.prepare()
        let end = try await supervisor.run(until: StopRequest(signals: [48]))
        #expect(end == (kind == .bootstrap ? .exited(0) : .exited(1)))
        try station.expectNothingLeft()
    }

    /// It starts before the network, and keeps running.
    @Test func nameServersGetIntoAContainerThatRuns() async throws {
        let station = try Station()
        var host = ContainerSpecBuilder.Host()
        host.nameServers = station.folder.file("resolve/resolv.conf")
        let supervisor = try station.supervisor(
            "/bin/sh",
            "-c",
            """
            cd /.bulkhead/host-containers/current; touch up; trap 'exit 0' TERM
            while :; do cat /etc/resolv.conf > now; /bin/busybox mv now names; sleep 0.1; done
            """,
            builder: ContainerSpecBuilder(host: host)
        )
        try await supervisor.prepare()
        async let end = supervisor.run(until: StopRequest(signals: [49]))
        try await station.wait(for: "up")
        for address in ["192.0.2.1", "192.0.2.2"] {
            // As systemd-resolved does it: a folder that comes with it, a file that takes the place of another.
            try FileManager.default.createDirectory(
                atPath: station.folder.file("resolve"),
                withIntermediateDirectories: true
            )
            try Data("nameserver \(address)\n".utf8).write(
                to: URL(filePath: host.nameServers),
                options: .atomic
            )
            for _ in 0..<400 where station.stored("names") != "nameserver \(address)\n" {
                try await Task.sleep(for: .milliseconds(50))
            }
            #expect(station.stored("names") == "nameserver \(address)\n")
        }
        kill(getpid(), 49)
        #expect(try await end == .stopped)
        try station.expectNothingLeft()
    }

    /// An image that has to be pulled, before there is a network: with one attempt, it waits; once a boot.
    @Test func aBootstrapContainerWaitsForTheNetworkThatItNeeds() async throws {
        let station = try Station()
        let layout = station.folder.file("usr/share/bulkhead/containers/busy")
        let registry = station.folder.file("registry/v2/team/\(station.image)")
        try FileManager.default.createDirectory(
            atPath: "\(registry)/manifests",
            withIntermediateDirectories: true
        )
        let blobs = "\(registry)/blobs"
        try FileManager.default.createDirectory(atPath: blobs, withIntermediateDirectories: true)
        for name in try FileManager.default.contentsOfDirectory(atPath: "\(layout)/blobs/sha256") {
            try FileManager.default.copyItem(
                atPath: "\(layout)/blobs/sha256/\(name)",
                toPath: "\(blobs)/sha256:\(name)"
            )
        }
        try FileManager.default.copyItem(
            atPath: "\(blobs)/\(station.manifest)",
            toPath: "\(registry)/manifests/1"
        )
        let web = try WebServer(
            folder: station.folder.file("registry"),
            directives: "types {} default_type application/vnd.oci.image.manifest.v1+json;"
        )
        defer { withExtendedLifetime(web) {} }
        let pulling = station.paths.pulling
        try FileManager.default.createDirectory(
            atPath: station.folder.file("etc/bulkhead"),
            withIntermediateDirectories: true
        )
        try Data("{}".utf8).write(to: URL(filePath: pulling))
        let source = "registry.invalid/team/\(station.image):1"
        // Of a host container, systemd starts the next attempt.
        let lines = Lines()
        let host = try station.supervisor("/bin/true", source: source, log: lines.add)
        await #expect(throws: HostContainersError.self) { try await host.prepare() }
        #expect(!lines.all.contains { $0.contains("waiting for the network") })
        // In vain: the next ones have waited already.
        for (index, patience) in [Duration.milliseconds(1500), .seconds(600)].enumerated() {
            let lines = Lines()
            var waiting = try station.supervisor(
                "/bin/true",
                kind: .bootstrap,
                source: source,
                log: lines.add
            )
            waiting.networkPatience = patience
            let supervisor = waiting
            await #expect(throws: HostContainersError.self) { try await supervisor.prepare() }
            #expect(lines.all.contains { $0.contains("waiting for the network") } == (index == 0))
        }
        // The next boot, with a network that comes late.
        try FileManager.default.removeItem(atPath: "\(station.paths.runtime)/.no-network")
        let there = try station.supervisor("/bin/true", kind: .bootstrap, source: source) { line in
            guard line.contains("waiting for the network") else { return }
            let mirrors = """
                {"mirrors": [{"registry": "registry.invalid", "endpoint": ["http://127.0.0.1:\(web.ports[0])"]}]}
                """
            try? Data(mirrors.utf8).write(to: URL(filePath: pulling))
        }
        try await there.prepare()
        #expect(try station.status(.bootstrap).image.digest == station.manifest)
    }

    /// systemd makes the pauses longer with each start, and never shorter by itself.
    @Test func whatHasRunForLongIsStartedAgainAtOnce() async throws {
        let station = try Station()
        let bus = try PrivateBus()
        var made = try station.supervisor(
            "/bin/sh",
            "-c",
            "trap 'exit 0' TERM; touch /.bulkhead/host-containers/current/up; while :; do sleep 0.2; done"
        )
        (made.bus, made.steadyTime) = (bus.address, .milliseconds(1))
        let supervisor = made
        try await supervisor.prepare()
        async let end = supervisor.run(until: StopRequest(signals: [50]))
        try await station.wait(for: "up")
        let wanted = "ResetFailedUnit host-container@\(station.id).service"
        for _ in 0..<400 where !bus.calls.contains(wanted) { try await Task.sleep(for: .milliseconds(50)) }
        #expect(bus.calls == [wanted])
        kill(getpid(), 50)
        #expect(try await end == .stopped)
    }

    /// SIGTERM may meet `prepare` before its handler is there, which is a failure to systemd.
    @Test(arguments: [true, false]) func aDisabledContainerHasNotFailed(isDisabled: Bool) async throws {
        let station = try Station()
        let bus = try PrivateBus()
        var supervisor = try station.supervisor("/bin/true")
        supervisor.bus = bus.address
        if isDisabled { try ContainerFiles(paths: station.paths).removeDefinition(station.id) }
        await supervisor.clean()
        #expect(bus.calls == (isDisabled ? ["ResetFailedUnit host-container@\(station.id).service"] : []))
    }

    @Test func leftoversOfACrashAreTakenAway() async throws {
        let station = try Station()
        let supervisor = try station.supervisor(
            "/bin/sh",
            "-c",
            "touch /.bulkhead/host-containers/current/up; exec sleep 600"
        )
        try await supervisor.prepare()
        let run = Task { try await supervisor.run(until: StopRequest(signals: [47])) }
        try await station.wait(for: "up")
        // As after the death of the process: nobody has taken the container away.
        await supervisor.clean()
        _ = try? await run.value
        try station.expectNothingLeft()
    }

    @Test func anImageThatIsNotTheListedOneIsRefused() async throws {
        let station = try Station()
        try station.writeIndex(digest: "sha256:" + String(repeating: "0", count: 64))
        let supervisor = try station.supervisor("/bin/true")
        let error = await #expect(throws: (any Error).self) { try await supervisor.prepare() }
        #expect(try station.status().state == .failed)
        #expect("\(String(describing: error))".contains("0000000000"), "\(String(describing: error))")
    }

    @Test func twoThatWantOneImageGetItOnce() async throws {
        let station = try Station()
        let first = try station.supervisor("/bin/true")
        let second = try station.supervisor("/bin/true", kind: .bootstrap)
        async let one: Void = first.prepare()
        async let two: Void = second.prepare()
        _ = try await (one, two)
        #expect(try station.status().image.digest == station.manifest)
        #expect(try station.status(.bootstrap).image.digest == station.manifest)
    }

    /// ctr(8) of the image's containerd writes its default profile into a specification.
    @Test func theProfileIsContainerds() async throws {
        let station = try Station()
        let supervisor = try station.supervisor("/bin/true")
        try await supervisor.prepare()
        let (made, text) = try station.containerd.ctr(
            "host",
            "c",
            "create",
            "--seccomp",
            "localhost/\(station.image):latest",
            station.id
        )
        try #require(made == 0, "\(text)")
        let (status, output) = try station.containerd.ctr("host", "c", "info", "--spec", station.id)
        try #require(status == 0, "\(output)")
        let spec = try JSONValue(parsing: output)
        let theirs = try #require(spec["linux"]?["seccomp"])
        func allowed(_ profile: JSONValue) -> Set<String> {
            var names: Set<String> = []
            for rule in profile["syscalls"]?.elements ?? [] where rule["action"] == "SCMP_ACT_ALLOW" {
                names.formUnion((rule["names"]?.elements ?? []).compactMap(\.string))
            }
            return names
        }
        let capabilities = (spec["process"]?["capabilities"]?["bounding"]?.elements ?? []).compactMap(
            \.string
        )
        let ours = SeccompProfile.standard(capabilities: capabilities).json
        #expect(theirs["defaultAction"] == ours["defaultAction"])
        #expect(theirs["architectures"] == ours["architectures"])
        // Left out on purpose, as containerd 2 does.
        let rings = ["io_uring_enter", "io_uring_register", "io_uring_setup"]
        let missing = allowed(theirs).subtracting(allowed(ours)).subtracting(rings)
        let more = allowed(ours).subtracting(allowed(theirs))
        #expect(missing.isEmpty && more.isEmpty, "missing: \(missing.sorted()), more: \(more.sorted())")
        _ = try station.containerd.ctr("host", "c", "rm", station.id)
    }
}
