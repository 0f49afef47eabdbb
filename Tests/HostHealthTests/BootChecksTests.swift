import Features
import Foundation
import Glibc
import TestSupport
import Testing

@testable import HostHealth

@Suite struct BootChecksTests {
    /// A folder that looks like a healthy host to the checks that only read files.
    private func host(mounts: String, files: [String: String] = [:]) throws -> (HostFiles, TemporaryDirectory)
    {
        let directory = try TemporaryDirectory()
        for (path, text) in files.merging(["/proc/self/mountinfo": mounts], uniquingKeysWith: { a, _ in a }) {
            let url = directory.url.appending(path: path)
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(),
                withIntermediateDirectories: true
            )
            try text.write(to: url, atomically: false, encoding: .utf8)
        }
        return (HostFiles(root: directory.path), directory)
    }

    private let root = "28 1 254:0 / / ro,relatime shared:1 - erofs /dev/mapper/root ro,user_xattr,acl\n"
    private let state = "30 28 253:6 / /state rw,nosuid,nodev,noexec,noatime shared:2 - ext4 /dev/vda6 rw\n"

    @Test func readOnlyErofsOnVerityIsHealthy() throws {
        let (host, directory) = try host(
            mounts: root,
            files: ["/sys/dev/block/254:0/dm/uuid": "CRYPT-VERITY-ab-root\n"]
        )
        defer { withExtendedLifetime(directory) {} }
        #expect(HealthCheck.rootVerity.run(host) == .healthy("read-only erofs on CRYPT-VERITY-ab-root"))
    }

    @Test(arguments: [
        "28 1 254:0 / / rw,relatime shared:1 - erofs /dev/mapper/root rw\n",
        "28 1 254:0 / / ro,relatime shared:1 - ext4 /dev/mapper/root ro\n",
        "28 1 8:1 / / ro,relatime shared:1 - erofs /dev/sda1 ro\n",
        "garbage\n",
    ])
    func anyOtherRootIsUnhealthy(_ mounts: String) throws {
        let (host, directory) = try host(
            mounts: mounts,
            files: ["/sys/dev/block/254:0/dm/uuid": "CRYPT-VERITY-ab\n"]
        )
        defer { withExtendedLifetime(directory) {} }
        guard case .unhealthy = HealthCheck.rootVerity.run(host) else {
            Issue.record("accepted \(mounts)")
            return
        }
    }

    @Test func stateNeedsItsOptions() throws {
        let (good, first) = try host(mounts: root + state, files: ["/state/x": ""])
        defer { withExtendedLifetime(first) {} }
        #expect(HealthCheck.state.run(good) == .healthy("ext4 on 253:6"))
        let (bad, second) = try host(mounts: root + state.replacingOccurrences(of: "noexec,", with: ""))
        defer { withExtendedLifetime(second) {} }
        #expect(HealthCheck.state.run(bad) == .unhealthy("/state is mounted without noexec"))
    }

    /// ext4 that met an error: the mount is writable, its file system is not.
    @Test func aFileSystemThatMadeItselfReadOnlyIsFound() throws {
        let (bad, directory) = try host(
            mounts: root + state.replacingOccurrences(of: "/dev/vda6 rw", with: "/dev/vda6 ro"),
            files: ["/state/x": ""]
        )
        defer { withExtendedLifetime(directory) {} }
        guard case .unhealthy(let reason) = HealthCheck.state.run(bad) else {
            Issue.record("healthy")
            return
        }
        #expect(reason.contains("is read-only"))
    }

    @Test func whatCannotBeWrittenIsFound() throws {
        let (bad, directory) = try host(mounts: root + state)
        defer { withExtendedLifetime(directory) {} }
        #expect(
            HealthCheck.state.run(bad)
                == .unhealthy(
                    "nothing can be written on /state: No such file or directory; see 'journalctl -b -k'"
                )
        )
    }

    /// Another release would find it as full.
    @Test func aFullFileSystemIsNoReasonToGoBack() throws {
        let (good, directory) = try host(mounts: root + state, files: ["/state/x": ""])
        let place = good.path("/state")
        guard getuid() == 0,
            try runTool("mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", place).status == 0
        else {
            print("SKIPPED: aFullFileSystemIsNoReasonToGoBack needs root and mount(2)")
            return
        }
        defer {
            _ = try? runTool("umount", "-l", place)
            withExtendedLifetime(directory) {}
        }
        let filler = try runTool("dd", "if=/dev/zero", "of=\(place)/filler", "bs=4k")
        #expect(filler.status == 1 && filler.output.contains("No space left"))
        #expect(HealthCheck.state.run(good) == .healthy("ext4 on 253:6"))
    }

    @Test func writableMountOnEtcIsFound() throws {
        let overlay = "40 28 0:30 / /etc rw,relatime - tmpfs tmpfs rw\n"
        let (host, directory) = try host(mounts: root + overlay)
        defer { withExtendedLifetime(directory) {} }
        #expect(HealthCheck.etcReadOnly.run(host) == .unhealthy("a writable tmpfs is mounted on /etc"))
    }

    @Test func machineIDMustLiveOnState() throws {
        let id = "0123456789abcdef0123456789abcdef"
        let (host, directory) = try host(mounts: root, files: ["/state/machine-id": id + "\n"])
        defer { withExtendedLifetime(directory) {} }
        try FileManager.default.createDirectory(
            at: directory.url.appending(path: "etc"),
            withIntermediateDirectories: true
        )
        try FileManager.default.createSymbolicLink(
            atPath: directory.file("etc/machine-id"),
            withDestinationPath: "../state/machine-id"
        )
        #expect(HealthCheck.machineID.run(host) == .healthy(id))
        try "uninitialized\n".write(
            toFile: directory.file("state/machine-id"),
            atomically: false,
            encoding: .utf8
        )
        guard case .unhealthy = HealthCheck.machineID.run(host) else {
            Issue.record("accepted an uninitialised machine id")
            return
        }
    }

    @Test(arguments: [
        ([], "no failed unit", true),
        (["systemd-sysctl.service"], "systemd-sysctl.service", true),
        (["bulkhead-apply.service", "systemd-sysctl.service"], "GET /health", true),
        (["bootstrap-container@a.service", "host-container@admin.service"], "as a setting can", true),
        (
            ["bootstrap-container@a.service", "bulkhead-bootstrap.service"], "failed: bulkhead-bootstrap",
            false
        ),
        (["containerd.service"], "failed: containerd.service;", false),
        (["bulkhead-migrate.service"], "failed: bulkhead-migrate.service;", false),
        (["dbus.service", "systemd-sysctl.service"], "failed: dbus.service;", false),
    ])
    func unitsThatABadSettingMakesFailDoNotCount(_ failed: [String], _ text: String, isHealthy: Bool) throws {
        let (host, directory) = try host(
            mounts: root,
            files: [
                "/usr/share/bulkhead/features/test.toml": """
                description = "Test."
                [services.sysctl]
                settings = ["kernel.sysctl"]
                restart = ["restart systemd-sysctl.service"]
                [services.containerd]
                settings = ["container-runtime"]
                restart = ["try-restart containerd.service"]
                """
            ]
        )
        defer { withExtendedLifetime(directory) {} }
        switch SettingsUnits(on: host).judge(failed: failed) {
        case .healthy(let found): #expect(isHealthy && found.contains(text), "\(found)")
        case .unhealthy(let found): #expect(!isHealthy && found.contains(text), "\(found)")
        case .skipped: Issue.record("skipped")
        }
    }

    @Test func theFeaturesOfTheImageAreRead() throws {
        var image = URL(filePath: #filePath)
        for _ in 0..<3 { image.deleteLastPathComponent() }
        let features = try FeatureSet.load(directory: image.appending(path: "image/features").path)
        let names = SettingsUnits(features).names
        #expect(
            names.isSuperset(of: [
                "systemd-sysctl.service", "systemd-modules-load.service", "bulkhead-hostname.service",
                "bulkhead-lockdown.service", "bulkhead-user-data.service",
            ])
        )
        #expect(
            names.isDisjoint(with: ["containerd.service", "bulkhead-migrate.service", "apiserver.service"])
        )
        // Damaged features: only the steps are known, and what restarts for a setting is judged.
        #expect(!SettingsUnits(nil).names.contains("systemd-sysctl.service"))
    }

    @Test func mountPointsAreUnescaped() throws {
        let mount = try #require(
            Mount(mountInfo: "30 28 8:6 / /with\\040space rw - ext4 /dev/x rw,errors=panic")
        )
        #expect(mount.point == "/with space")
        #expect(mount.options == ["rw", "errors=panic"])
    }

    @Test func reportIsValidJSONAndCountsFailures() throws {
        let checks = [
            HealthCheck("a") { _ in .healthy("quote \" and \n line") },
            HealthCheck("b") { _ in .skipped("no reason") },
            HealthCheck("c") { _ in .unhealthy("bad") },
        ]
        let report = HealthReport(running: checks, on: HostFiles())
        let object = try JSONSerialization.jsonObject(with: Data(report.json.utf8)) as? [String: Any]
        #expect(object?["healthy"] as? Bool == false)
        #expect(
            (object?["checks"] as? [[String: String]])?.map { $0["status"] } == [
                "healthy", "skipped", "unhealthy",
            ]
        )
        #expect(HealthReport(running: Array(checks.dropLast()), on: HostFiles()).isHealthy)
    }
}
