import Foundation
import JSON
import OCI
import TestSupport
import Testing

@Suite struct RuntimeSpecTests {
    @Test func whatIsNotSetIsLeftOut() throws {
        let spec = RuntimeSpec(process: RuntimeSpec.Process(arguments: ["/bin/true"]))
        let json = try JSONValue(parsing: spec.bytes)
        #expect(json["ociVersion"] == "1.1.0" && json["root"]?["path"] == "rootfs")
        #expect(
            json["hostname"] == nil && json["linux"]?["seccomp"] == nil && json["linux"]?["resources"] == nil
        )
        #expect(json["process"]?["args"] == ["/bin/true"] && json["process"]?["cwd"] == "/")
        #expect(json["process"]?["user"] == ["uid": 0, "gid": 0])
    }

    @Test func devicesAreNamedAsRuntimesDo() {
        var spec = RuntimeSpec(process: RuntimeSpec.Process(arguments: ["a"]))
        spec.devices = [
            .init(isAllowed: false, access: "rwm"), .init(isAllowed: true, access: "rw", kind: .block),
            .init(isAllowed: true, access: "rwm", kind: .character, major: 10, minor: 237),
        ]
        let rules: JSONValue = [
            ["allow": false, "access": "rwm"], ["allow": true, "access": "rw", "type": "b"],
            ["allow": true, "access": "rwm", "type": "c", "major": 10, "minor": 237],
        ]
        #expect(spec.json["linux"]?["resources"]?["devices"] == rules)
    }

    @Test func equalValuesGiveEqualBytes() {
        func make() -> RuntimeSpec {
            var spec = RuntimeSpec(process: RuntimeSpec.Process(arguments: ["a"]))
            spec.seccomp = .standard(capabilities: ["CAP_SYS_ADMIN"])
            spec.devices = [.init(isAllowed: false, access: "rwm")]
            return spec
        }
        #expect(make().bytes == make().bytes)
    }

    @Test func newNamespacesNeedACapability() {
        func rules(_ capabilities: [String], _ call: String) -> [SeccompProfile.Rule] {
            SeccompProfile.standard(capabilities: capabilities).rules.filter { $0.names.contains(call) }
        }
        #expect(
            rules([], "clone").allSatisfy { !$0.conditions.isEmpty } && rules([], "clone3").first?.errno == 38
        )
        #expect(rules(["CAP_SYS_ADMIN"], "clone3").allSatisfy { $0.errno == nil && $0.conditions.isEmpty })
        #expect(rules([], "mount").isEmpty && !rules(["CAP_SYS_ADMIN"], "mount").isEmpty)
        #expect(SeccompProfile.standard(capabilities: [], extra: ["swapon"]).rules.last?.names == ["swapon"])
    }

    /// runc checks a specification before it looks for the root file system's program.
    @Test(.enabled(if: geteuid() == 0, "only root can ask runc"))
    func runcTakesIt() throws {
        let folder = try TemporaryDirectory()
        var spec = RuntimeSpec(process: RuntimeSpec.Process(arguments: ["/nonexistent"]))
        spec.process.capabilities = ["CAP_KILL"]
        spec.process.memoryScore = 0
        spec.namespaces = [.pid, .ipc, .uts, .mount]
        spec.hostname = "one"
        spec.mounts = [RuntimeSpec.Mount("/proc", type: "proc", source: "proc", options: ["nosuid"])]
        spec.maskedPaths = ["/proc/keys"]
        spec.seccomp = .standard(capabilities: ["CAP_KILL"])
        spec.rootPropagation = "rslave"
        try Data(spec.bytes).write(to: folder.url.appending(path: "config.json"))
        for name in ["rootfs/proc", "rootfs/dev", "rootfs/sys"] {
            try FileManager.default.createDirectory(
                atPath: folder.file(name),
                withIntermediateDirectories: true
            )
        }
        let id = "spec\(UInt32.random(in: 0...UInt32.max))"
        let (status, output) = try runTool(
            "runc",
            "--root",
            folder.file("state"),
            "run",
            "--bundle",
            folder.path,
            id
        )
        #expect(status != 0 && output.contains("/nonexistent"), "\(output)")
    }
}
