import Containers
import Foundation
import Glibc
import HostAPI
import JSON
import NIOPosix
import OCI
import TestSupport
import Testing

@testable import HostContainers

/// Containers of a host below a temporary folder, in a real containerd.
@Suite(.enabled(if: Containerd.isAvailable, Comment(rawValue: Containerd.skipReason)))
struct SupervisorTests {
    private struct Station {
        let containerd: Containerd
        let folder: TemporaryDirectory
        let paths: HostContainerPaths
        /// The digest of the image's manifest.
        let manifest: String
        /// The image's name: each test has one of its own in the namespace that all share.
        let image = "busy" + UUID().uuidString.prefix(8).lowercased()
        let id = "t" + UUID().uuidString.prefix(8).lowercased()

        init() throws {
            containerd = try Containerd.shared
            folder = try TemporaryDirectory()
            paths = HostContainerPaths(root: folder.path)
            let archive = try ContainerArchive()
            manifest = archive.manifest
            for path in [
                "run/bulkhead", "run/host-containerd", "var/lib", "usr/share/bulkhead/containers/busy",
            ] {
                try FileManager.default.createDirectory(
                    atPath: folder.file(path),
                    withIntermediateDirectories: true
                )
            }
            try FileManager.default.createSymbolicLink(
                atPath: paths.socket,
                withDestinationPath: containerd.socket
            )
            // An OCI archive is the tar of a layout.
            try Data(archive.bytes).write(to: folder.url.appending(path: "busy.tar"))
            let layout = folder.file("usr/share/bulkhead/containers/busy")
            let (status, output) = try runTool("tar", "-xf", folder.file("busy.tar"), "-C", layout)
            try #require(status == 0, "\(output)")
            try writeIndex(digest: manifest)
        }

        func writeIndex(digest: String) throws {
            let index = """
                {"containers": [{"name": "busy", "reference": "localhost/\(image)", "digest": "\(digest)", "size": 1}]}
                """
            try Data(index.utf8).write(
                to: folder.url.appending(path: "usr/share/bulkhead/containers/index.json")
            )
        }

        /// A supervisor of a container that settings define.
        func supervisor(
            _ command: String...,
            kind: HostContainerStatus.Kind = .host,
            superpowered: Bool = false,
            source: String? = nil,
            userData: String? = nil
        ) throws -> ContainerSupervisor {
            let definition = HostContainerDefinition(
                kind: kind,
                name: id,
                source: source ?? "localhost/\(image)",
                desired: kind == .host ? .running : .always,
                isSuperpowered: superpowered,
                command: command
            )
            try files.write(
                DefinedContainer(definition: definition, userData: userData.map { Array($0.utf8) })
            )
            return ContainerSupervisor(
                id: definition.id,
                paths: paths,
                eventLoop: MultiThreadedEventLoopGroup.singleton.next(),
                log: { _ in }
            )
        }

        var files: ContainerFiles { ContainerFiles(paths: paths) }
        var storage: String { "\(paths.hostStorage)/\(id)" }

        func stored(_ name: String) -> String? {
            try? String(contentsOfFile: "\(storage)/\(name)", encoding: .utf8)
        }

        func status(_ kind: HostContainerStatus.Kind = .host) throws -> HostContainerStatus {
            try #require(files.status(HostContainerStatus.id(of: id, kind)))
        }

        /// Waits until a container runs and has written a file.
        func wait(for name: String) async throws {
            for _ in 0..<400 {
                if stored(name) != nil, try status().state == .running { return }
                try await Task.sleep(for: .milliseconds(50))
            }
            Issue.record("no \(name) in \(storage); the container is \((try? status()).debugDescription)")
        }

        func expectNothingLeft() throws {
            for words in [["c", "ls", "-q"], ["t", "ls", "-q"], ["snapshots", "ls"]] {
                let (status, output) = try containerd.ctr(
                    "host",
                    words[0],
                    words[1],
                    words.count > 2 ? words[2] : ""
                )
                #expect(status == 0 && !output.contains(id), "\(words): \(output)")
            }
            for name in ["stdout", "stderr"] {
                #expect(!FileManager.default.fileExists(atPath: "\(paths.folder(id))/\(name)"))
            }
        }
    }

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
        let supervisor = try station.supervisor(
            "/bin/sh",
            "-c",
            "/bin/busybox mount -t tmpfs none /tmp && touch /tmp/x && exit 0; exit 9",
            kind: .bootstrap
        )
        try await supervisor.prepare()
        #expect(try await supervisor.run(until: StopRequest(signals: [46])) == .exited(0))
        #expect(try station.status(.bootstrap).state == .exited)
        #expect(station.files.wasStarted("boot.\(station.id)"))
        try station.expectNothingLeft()
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
