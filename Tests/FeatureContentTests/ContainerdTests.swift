import Foundation
import JSON
import TOMLKit
import Templates
import TestSupport
import Testing

/// What containerd (package containerd) and ctr make of the rendered files.
@Suite struct ContainerdTests {
    /// The configuration that containerd has in force with a file, as it tells it itself.
    private func dump(_ config: String) throws -> JSONValue {
        let folder = try TemporaryDirectory()
        try config.write(toFile: folder.file("config.toml"), atomically: true, encoding: .utf8)
        let (status, output) = try runTool(
            "containerd",
            "--config",
            folder.file("config.toml"),
            "config",
            "dump"
        )
        try #require(status == 0, "\(output)")
        // Warnings stand before the first line of the file.
        let start = try #require(output.range(of: "disabled_plugins"))
        var members = try #require(try tomlValue(String(output[start.lowerBound...])).members)
        // The path of the file itself.
        members["imports"] = nil
        return .object(members)
    }

    private func cri(_ dump: JSONValue) throws -> JSONValue {
        try #require(dump["plugins"]?["io.containerd.grpc.v1.cri"])
    }

    @Test func withTheDefaultsItMeansWhatTheFixedFileMeant() throws {
        let fixed = """
            version = 2
            root = "/var/lib/containerd"
            state = "/run/containerd"
            [plugins."io.containerd.grpc.v1.cri".containerd]
              default_runtime_name = "runc"
              [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
                runtime_type = "io.containerd.runc.v2"
                base_runtime_spec = "/etc/containerd/cri-base.json"
                [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
                  SystemdCgroup = true
                [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.crun]
                  runtime_type = "io.containerd.runc.v2"
                  base_runtime_spec = "/etc/containerd/cri-base.json"
                [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.crun.options]
                  BinaryName = "/usr/bin/crun"
                  SystemdCgroup = true
                [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runsc]
                  runtime_type = "io.containerd.runc.v2"
                  base_runtime_spec = "/etc/containerd/cri-base.json"
                [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runsc.options]
                  BinaryName = "/usr/bin/runsc"
                  SystemdCgroup = true
            """
        #expect(try dump(ImageContent().render("containerd-config")) == dump(fixed))
    }

    @Test func takesEverySetting() throws {
        let settings = #"""
            {"container-runtime": {"max-container-log-line-size": 4096, "max-concurrent-downloads": 7,
               "enable-unprivileged-ports": false, "enable-unprivileged-icmp": true, "snapshotter": "native",
               "default-runtime": "runsc"},
             "container-registry": {
               "mirrors": [{"registry": "*", "endpoint": ["https://all.example"]},
                           {"registry": "docker.io", "endpoint": ["https://m.example", "https://n.example:5000/v2"]},
                           {"registry": "docker.io", "endpoint": ["https://m.example"]}],
               "credentials": [{"registry": "docker.io", "username": "u", "password": "first"},
                               {"registry": "index.docker.io", "username": "u\"\n[plugins]\nx = \"", "password": "p\\\"'''\u0001"},
                               {"registry": "a.example", "auth": "YTpi"},
                               {"registry": "c.example:5000", "identitytoken": "tok"}]}}
            """#
        let cri = try cri(dump(ImageContent().render("containerd-config", settings)))
        #expect(cri["max_container_log_line_size"] == 4096)
        #expect(cri["max_concurrent_downloads"] == 7)
        #expect(cri["enable_unprivileged_ports"] == false)
        #expect(cri["enable_unprivileged_icmp"] == true)
        #expect(cri["containerd"]?["snapshotter"] == "native")
        #expect(cri["containerd"]?["default_runtime_name"] == "runsc")
        let mirrors = try #require(cri["registry"]?["mirrors"]?.members)
        #expect(Set(mirrors.keys) == ["*", "docker.io"])
        #expect(mirrors["docker.io"]?["endpoint"] == ["https://m.example", "https://n.example:5000/v2"])
        let configs = try #require(cri["registry"]?["configs"]?.members)
        #expect(Set(configs.keys) == ["a.example", "c.example:5000", "registry-1.docker.io"])
        let hub = configs["registry-1.docker.io"]?["auth"]
        #expect(hub?["username"] == "u\"\n[plugins]\nx = \"")
        #expect(hub?["password"] == "p\\\"'''\u{1}")
        #expect(configs["c.example:5000"]?["auth"]?["identitytoken"] == "tok")
    }

    @Test func theBaseSpecificationIsContainerdsOwn() throws {
        let (status, output) = try runTool("ctr", "oci", "spec")
        try #require(status == 0, "\(output)")
        let own = try JSONValue(parsing: output)
        let ours = try JSONValue(parsing: try ImageContent().render("cri-base"))
        for set in ["bounding", "effective", "permitted"] {
            let names = try #require(ours["process"]?["capabilities"]?[set]?.elements)
            #expect(Set(names) == Set(own["process"]?["capabilities"]?[set]?.elements ?? []))
        }
        #expect(ours["mounts"] == own["mounts"])
        #expect(ours["root"] == own["root"])
        #expect(ours["process"]?["user"] == own["process"]?["user"])
        #expect(ours["process"]?["noNewPrivileges"] == own["process"]?["noNewPrivileges"])
        #expect(ours["linux"]?["namespaces"] == own["linux"]?["namespaces"])
        #expect(ours["linux"]?["resources"] == own["linux"]?["resources"])
        #expect(ours["linux"]?["readonlyPaths"] == own["linux"]?["readonlyPaths"])
        // Newer versions hide more.
        let hidden = Set(ours["linux"]?["maskedPaths"]?.elements ?? [])
        #expect(hidden.isSuperset(of: own["linux"]?["maskedPaths"]?.elements ?? []))
        // The CRI plugin takes containerd's own limits away too.
        #expect(ours["process"]?["rlimits"] == [])
    }

    @Test func capabilitiesAndLimitsFollowTheSettings() throws {
        let settings = """
            {"oci-defaults": {"capabilities": {"net-raw": false, "net-admin": true},
              "resource-limits": {"max-open-files": {"hard-limit": 1048576, "soft-limit": 65536},
                                  "max-locked-memory": {"hard-limit": 4096, "soft-limit": 1}}}}
            """
        let text = try ImageContent().render("cri-base", settings)
        let spec = try JSONValue(parsing: text)
        let bounding = try #require(spec["process"]?["capabilities"]?["bounding"]?.elements)
        #expect(bounding.contains("CAP_NET_ADMIN") && !bounding.contains("CAP_NET_RAW"))
        #expect(
            spec["process"]?["rlimits"] == [
                ["type": "RLIMIT_MEMLOCK", "hard": 4096, "soft": 1],
                ["type": "RLIMIT_NOFILE", "hard": 1_048_576, "soft": 65536],
            ]
        )
    }
}
