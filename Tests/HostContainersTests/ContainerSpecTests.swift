import Foundation
import HostAPI
import JSON
import OCI
import TestSupport
import Testing

@testable import HostContainers

@Suite struct ContainerSpecTests {
    private func definition(
        _ kind: HostContainerStatus.Kind = .host,
        superpowered: Bool = false,
        command: [String] = []
    ) -> HostContainerDefinition {
        HostContainerDefinition(
            kind: kind,
            name: "one",
            source: "localhost/one",
            desired: .running,
            isSuperpowered: superpowered,
            command: command
        )
    }

    private func spec(
        _ definition: HostContainerDefinition,
        user: String = "",
        env: [String] = [],
        entrypoint: [String] = ["/init"],
        host: ContainerSpecBuilder.Host = ContainerSpecBuilder.Host()
    ) throws -> RuntimeSpec {
        let config = ImageConfig(
            platform: .current,
            entrypoint: entrypoint,
            cmd: ["arg"],
            env: env,
            user: user,
            diffIDs: []
        )
        return try ContainerSpecBuilder(host: host).spec(
            definition,
            config: config,
            storage: "/srv/one",
            cgroup: "/a/container"
        )
    }

    private func mount(_ spec: RuntimeSpec, _ destination: String) -> RuntimeSpec.Mount? {
        spec.mounts.last { $0.destination == destination }
    }

    @Test func anOrdinaryContainerIsFencedIn() throws {
        let spec = try spec(definition())
        #expect(spec.process.arguments == ["/init", "arg"])
        #expect(spec.process.noNewPrivileges && !spec.process.capabilities.contains("CAP_SYS_ADMIN"))
        #expect(spec.process.capabilities.count == 14)
        #expect(Set(spec.namespaces) == [.pid, .ipc, .uts, .mount, .cgroup])
        #expect(spec.seccomp != nil && !spec.maskedPaths.isEmpty)
        #expect(spec.devices == [.init(isAllowed: false, access: "rwm")])
        #expect(!spec.mounts.contains { $0.destination.hasSuffix("/rootfs") })
        #expect(mount(spec, "/sys")?.options.contains("ro") == true)
        for path in ["/.bulkhead/host-containers/one", "/.bottlerocket/host-containers/current"] {
            #expect(mount(spec, path)?.source == "/srv/one")
        }
        #expect(mount(spec, "/etc/hosts")?.options.contains("ro") == true)
        #expect(spec.cgroupsPath == "/a/container" && spec.hostname == "one")
    }

    @Test func aSuperpoweredOneSeesTheHost() throws {
        let spec = try spec(definition(superpowered: true))
        #expect(Set(spec.namespaces) == [.ipc, .uts, .mount])
        #expect(spec.seccomp == nil && spec.maskedPaths.isEmpty && spec.readonlyPaths.isEmpty)
        #expect(spec.process.capabilities.contains("CAP_SYS_ADMIN") && !spec.process.noNewPrivileges)
        #expect(spec.devices == [.init(isAllowed: true, access: "rwm")])
        #expect(mount(spec, "/.bulkhead/rootfs")?.options == ["rbind", "ro", "rslave"])
        #expect(mount(spec, "/dev")?.source == "/dev")
        #expect(spec.process.memoryScore == 0)
    }

    @Test func aBootstrapContainerMountsForWorkloads() throws {
        let folder = try TemporaryDirectory()
        var host = ContainerSpecBuilder.Host()
        host.mounts = folder.path
        let spec = try spec(definition(.bootstrap), host: host)
        #expect(spec.process.capabilities.contains("CAP_SYS_ADMIN") && spec.process.capabilities.count == 18)
        #expect(!spec.namespaces.contains(.pid))
        #expect(
            mount(spec, "/mnt")?.options == ["rbind", "rw", "rshared"] && spec.rootPropagation == "rshared"
        )
        for path in ["/.bottlerocket/rootfs/mnt"] {
            #expect(mount(spec, path)?.source == mount(spec, "/mnt")?.source, "\(path)")
        }
        #expect(mount(spec, "/.bottlerocket/bootstrap-containers/current")?.source == "/srv/one")
        // Its disks, as they are plugged in and partitioned, and what makes more of them; no other devices.
        #expect(mount(spec, "/dev")?.source == "/dev")
        let devices = try #require(spec.devices)
        #expect(devices.first == .init(isAllowed: false, access: "rwm"))
        #expect(
            Set(devices.dropFirst().map { "\($0.kind?.rawValue ?? "") \($0.major ?? -1) \($0.minor ?? -1)" })
                == ["b -1 -1", "c 10 236", "c 10 237"]
        )
        let calls = try #require(spec.seccomp).rules.flatMap(\.names)
        #expect(calls.contains("swapon") && calls.contains("mount") && calls.contains("init_module"))
    }

    /// Settings replace these files while a container runs.
    @Test func whatChangesIsMountedSoThatItFollows() throws {
        let folder = try TemporaryDirectory()
        let names = folder.file("names")
        try Data().write(to: URL(filePath: names))
        try Data().write(to: folder.url.appending(path: "ca-certificates.crt"))
        var host = ContainerSpecBuilder.Host()
        host.certificates = folder.file("ca-certificates.crt")
        let config = ImageConfig(platform: .current, entrypoint: ["/init"], diffIDs: [])
        let spec = try ContainerSpecBuilder(host: host).spec(
            definition(),
            config: config,
            storage: "/srv",
            cgroup: nil,
            copies: ["/etc/resolv.conf": names]
        )
        // The place is a link's where temporary folders are.
        let place = folder.url.lastPathComponent
        #expect(mount(spec, "/etc/resolv.conf")?.source.hasSuffix("\(place)/names") == true)
        for path in ["/.bulkhead/certs", "/.bottlerocket/certs"] {
            #expect(mount(spec, path)?.source.hasSuffix(place) == true)
        }
    }

    @Test func theCommandOfSettingsTakesThePlaceOfTheImages() throws {
        let spec = try spec(definition(command: ["/bin/x", "y"]), env: ["PATH=/bin", "A=b"])
        #expect(spec.process.arguments == ["/bin/x", "y"])
        #expect(spec.process.environment == ["PATH=/bin", "A=b"])
        #expect(try self.spec(definition()).process.environment == [ContainerSpecBuilder.path])
        #expect(throws: HostContainersError.noProgram(source: "localhost/one")) {
            _ = try ContainerSpecBuilder().spec(
                definition(),
                config: ImageConfig(platform: .current, diffIDs: []),
                storage: "/srv",
                cgroup: nil
            )
        }
    }

    @Test func usersAreNumbers() throws {
        for (text, user, group) in [
            ("", 0, 0), ("root", 0, 0), ("1000", 1000, 0), ("1000:274", 1000, 274), ("0:root", 0, 0),
        ] {
            let process = try spec(definition(), user: text).process
            #expect(process.user == user && process.group == group, "\(text)")
            #expect(process.additionalGroups == (user == 0 ? [] : [274]))
        }
        for bad in ["alice", "1000:wheel", "-1", "4294967296", "1:2:3"] {
            #expect(throws: HostContainersError.namedUser(source: "localhost/one", user: bad)) {
                try spec(definition(), user: bad)
            }
        }
    }

    @Test func whatTheHostDoesNotHaveIsLeftOut() throws {
        var host = ContainerSpecBuilder.Host()
        host.apiSocket = "/nonexistent/api.sock"
        #expect(mount(try spec(definition(), host: host), "/run/api.sock") == nil)
    }

    @Test func theControlGroupIsBesideOurOwn() {
        let own = "0::/host-containers.slice/host-container@admin.service/supervisor\n"
        #expect(
            ContainerSupervisor.cgroup(of: own)
                == "/host-containers.slice/host-container@admin.service/container"
        )
        #expect(ContainerSupervisor.cgroup(of: "0::/init.scope\n") == nil)
        #expect(ContainerSupervisor.cgroup(of: "1:name=systemd:/x/supervisor\n") == nil)
        #expect(ContainerSupervisor.cgroup(of: "") == nil)
    }
}
