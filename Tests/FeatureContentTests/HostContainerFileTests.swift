import Foundation
import JSON
import SettingsModel
import TestSupport
import Testing

@Suite struct HostContainerFileTests {
    @Test func theDocumentHasAllThreeGroups() throws {
        let content = try ImageContent()
        let defaults = try JSONValue(parsing: content.render("host-containers"))
        let control: JSONValue = ["source": "localhost/control", "enabled": true, "superpowered": false]
        #expect(defaults["host-containers"]?["control"] == control)
        #expect(defaults["host-containers"]?["admin"]?["enabled"] == false)
        #expect(defaults["host-containers"]?["admin"]?["superpowered"] == true)
        #expect(defaults["bootstrap-containers"] == .null && defaults["bootstrap-commands"] == .null)
        let settings = """
            {"host-containers": {"admin": {"enabled": true, "user-data": "eyJ9Ijp7e319", "command": ["a\\"\\n{{b}}"]}},
             "bootstrap-containers": {"x": {"source": "a/b", "mode": "once"}},
             "bootstrap-commands": {"y": {"commands": [["apiclient", "set", "motd=}}"]], "mode": "always"}}}
            """
        let rich = try JSONValue(parsing: content.render("host-containers", settings))
        #expect(rich["host-containers"]?["admin"]?["command"] == ["a\"\n{{b}}"])
        #expect(rich["host-containers"]?["admin"]?["source"] == "localhost/admin")
        #expect(rich["bootstrap-commands"]?["y"]?["commands"] == [["apiclient", "set", "motd=}}"]])
        // What is rendered are settings again: hostd reads them by the same model.
        for (group, value) in rich.members ?? [:] {
            #expect(
                SettingsDocument.sift(stored: .object([group: value])).values.isEmpty == false,
                "\(group)"
            )
        }
        #expect(
            content.files["host-containers"]?.mode == "0600" && content.files["image-pull"]?.mode == "0600"
        )
        #expect(
            content.services["host-containers"]?.restart == ["try-restart bulkhead-host-containers.service"]
        )
    }

    @Test func pullingFollowsRegistriesAndProxy() throws {
        let content = try ImageContent()
        let plain = try JSONValue(parsing: content.render("image-pull"))
        #expect(plain["mirrors"] == [] && plain["credentials"] == [] && plain["https-proxy"] == nil)
        let rich = try JSONValue(
            parsing: content.render(
                "image-pull",
                """
                {"container-registry": {"mirrors": [{"registry": "docker.io", "endpoint": ["https://m.example"]}],
                   "credentials": [{"registry": "a.example", "username": "u", "password": "p\\"\\\\"}]},
                 "network": {"https-proxy": "http://p.example:3128", "no-proxy": [".b.example"], "hostname": "w"}}
                """
            )
        )
        #expect(rich["mirrors"] == [["registry": "docker.io", "endpoint": ["https://m.example"]]])
        #expect(rich["credentials"]?.elements?.first?["password"] == "p\"\\")
        #expect(rich["https-proxy"] == "http://p.example:3128")
        #expect(rich["no-proxy"]?.string?.hasSuffix(".b.example,w") == true)
    }

    /// systemd's own look at the units, in a tree with nothing but them and what they name.
    @Test func systemdTakesTheUnits() throws {
        let root = try TemporaryDirectory()
        let units = root.url.appending(path: "usr/lib/systemd/system")
        let own = ImageContent.folder.appending(path: "rootfs/usr/lib/systemd/system")
        for path in ["usr/lib/systemd", "usr/lib/bulkhead", "usr/bin"] {
            try FileManager.default.createDirectory(
                atPath: root.file(path),
                withIntermediateDirectories: true
            )
        }
        try FileManager.default.copyItem(at: own, to: units)
        // Of an overlay of the fragment alone: images without host containers have nothing of them.
        let added = ImageContent.folder.appending(path: "host-containers/usr/lib/systemd/system")
        for unit in try FileManager.default.contentsOfDirectory(atPath: added.path) {
            try FileManager.default.copyItem(
                at: added.appending(path: unit),
                to: units.appending(path: unit)
            )
        }
        let programs = [
            "lib/bulkhead/hostd", "lib/bulkhead/apiserver", "lib/bulkhead/updater", "bin/containerd",
            "bin/systemctl",
        ]
        for program in programs {
            let path = root.file("usr/\(program)")
            try Data("#!/bin/sh\n".utf8).write(to: URL(filePath: path))
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
        }
        for target in [
            "basic", "local-fs", "multi-user", "network-online", "shutdown", "slices", "sockets", "sysinit",
        ] {
            try Data("[Unit]\nDescription=\(target)\n".utf8).write(
                to: units.appending(path: "\(target).target")
            )
        }
        let (_, output) = try runTool(
            "systemd-analyze",
            [
                "verify", "--man=no", "--recursive-errors=no", "--root=\(root.path)",
                "host-containerd.service",
                "host-container@admin.service", "bootstrap-container@disks.service", "host-containers.slice",
                "bulkhead-bootstrap.service", "bulkhead-host-containers.service",
            ]
        )
        // Of systemd 254, which the images have; a build machine may have an older one.
        let newer = ["RestartSteps", "RestartMaxDelaySec", "DelegateSubgroup"]
        let complaints = output.split(separator: "\n").filter { line in
            !newer.contains { line.contains("'\($0)'") }
        }
        #expect(complaints.isEmpty, "\(complaints.joined(separator: "\n"))")
    }

    /// A host without network boots, with all whose images are here.
    @Test func noUnitWaitsForANetwork() throws {
        let units = ImageContent.folder.appending(path: "host-containers/usr/lib/systemd/system")
        let names = try FileManager.default.contentsOfDirectory(atPath: units.path)
        #expect(names.contains("bootstrap-container@.service"))
        for name in names {
            let text = try String(contentsOf: units.appending(path: name), encoding: .utf8)
            let lines = text.split(separator: "\n").filter { !$0.hasPrefix("#") }
            #expect(!lines.contains { $0.contains("network-online") }, "\(name)")
        }
        // When the host shuts down, containers end before the network does.
        for name in ["host-container@.service", "bootstrap-container@.service"] {
            let text = try String(contentsOf: units.appending(path: name), encoding: .utf8)
            let order = text.split(separator: "\n").filter { $0.hasPrefix("After=") }
            #expect(order.contains { $0.split(separator: " ").contains("network.target") }, "\(name)")
        }
    }

    @Test func containerdTakesTheConfigurationOfHostContainerd() throws {
        let path = ImageContent.folder.appending(
            path: "host-containers/usr/share/bulkhead/host-containerd.toml"
        ).path
        let (status, output) = try runTool("containerd", "--config", path, "config", "dump")
        #expect(status == 0 && output.contains("/run/host-containerd/containerd.sock"), "\(output)")
    }
}
