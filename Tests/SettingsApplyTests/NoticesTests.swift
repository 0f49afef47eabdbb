import HostAPI
import Foundation
import JSON
import SettingsApply
import SettingsModel
import TestSupport
import Testing

@Suite struct NoticesTests {
    private func notices(_ settings: JSONValue, lockdown: String? = nil, modules: [String] = []) throws
        -> [String]
    {
        let host = try ApplyHost()
        let manager = FileManager.default
        for folder in ["sys/kernel/security"] + modules.map({ "sys/module/\($0)" }) {
            try manager.createDirectory(atPath: host.folder.file(folder), withIntermediateDirectories: true)
        }
        if let lockdown { try host.write("sys/kernel/security/lockdown", lockdown) }
        return host.applier.notices(for: try SettingsDocument(checking: settings))
    }

    @Test func bootParametersThatASignedCommandLineCannotTake() throws {
        let settings: JSONValue = [
            "boot": [
                "kernel-parameters": [
                    "console": ["ttyS0"], "sysctl.vm.swappiness": ["1"], "nvme_core.io_timeout": ["5"],
                    "loop.max_loop": ["8"],
                ],
                "init-parameters": ["systemd.log_level": ["debug"]],
                "reboot-to-reconcile": true,
            ]
        ]
        let notices = try notices(settings, modules: ["loop"])
        #expect(
            notices.map { $0.prefix { $0 != ":" } } == [
                "settings.boot.init-parameters.\"systemd.log_level\"",
                "settings.boot.kernel-parameters.console",
                "settings.boot.kernel-parameters.\"loop.max_loop\"", "settings.boot.reboot-to-reconcile",
            ]
        )
        #expect(notices.allSatisfy { $0.contains("signed image") || $0.contains("reboot") })
    }

    /// A module that was loaded by the settings themselves has its option.
    @Test(arguments: [
        ("8\n", "8", true), ("8\n", "9", false), ("Y\n", "1", true), ("N\n", "off", true),
        ("Y\n", "0", false),
    ])
    func anOptionThatIsInForceIsNoNotice(_ inForce: String, _ wanted: String, _ isInForce: Bool) throws {
        let host = try ApplyHost()
        let folder = "sys/module/loop_x/parameters"
        try FileManager.default.createDirectory(
            atPath: host.folder.file(folder),
            withIntermediateDirectories: true
        )
        try host.write("\(folder)/max_loop", inForce)
        let settings: JSONValue = ["boot": ["kernel-parameters": ["loop-x.max-loop": [.string(wanted)]]]]
        let notices = host.applier.notices(for: try SettingsDocument(checking: settings))
        #expect(notices.isEmpty == isInForce, "\(notices)")
    }

    @Test func optionsOfModulesThatModprobeCannotReadAreNamed() throws {
        let notices = try notices([
            "boot": ["kernel-parameters": ["usbcore.quirks": ["a#b"], "usbcore.autosuspend": ["-1"]]]
        ])
        #expect(notices.count == 1)
        #expect(
            notices.first?.hasPrefix("settings.boot.kernel-parameters.\"usbcore.quirks\": has no effect")
                == true
        )
    }

    @Test(arguments: [
        ("none", "none [integrity] confidentiality\n", "stays at 'integrity'"),
        ("integrity", "none integrity [confidentiality]\n", "stays at 'confidentiality'"),
        ("integrity", "none [integrity] confidentiality\n", nil),
        ("confidentiality", "[none] integrity\n", nil),
        ("integrity", nil, "the running kernel has no lockdown"), ("none", nil, nil),
    ])
    func lockdownIsNeverLowered(wanted: String, state: String?, text: String?) throws {
        let notices = try notices(["kernel": ["lockdown": .string(wanted)]], lockdown: state)
        #expect(notices.count == (text == nil ? 0 : 1))
        if let text { #expect(notices.first?.contains(text) == true, "\(notices)") }
    }

    @Test func modulesThatAreLoadedStay() throws {
        let modules: JSONValue = [
            "nf-tables": ["allowed": false], "sctp": ["allowed": false], "loop": ["allowed": true],
        ]
        let notices = try notices(["kernel": ["modules": modules]], modules: ["nf_tables", "loop"])
        #expect(notices.count == 1)
        #expect(notices.first?.hasPrefix("settings.kernel.modules.nf-tables.allowed: ") == true, "\(notices)")
    }

    @Test func onlyChangedKeysAreSpokenOf() async throws {
        let host = try ApplyHost()
        let settings: JSONValue = ["motd": "hi", "boot": ["kernel-parameters": ["quiet": [""]]]]
        #expect(try await host.apply(["motd"], settings).notices.isEmpty)
        #expect(try await host.apply(["boot.kernel-parameters.quiet"], settings).notices.count == 1)
        #expect(try await host.apply(nil, settings).notices.count == 1)
    }

    @Test func whatIsGoneFromTheSettingsStaysInTheKernel() async throws {
        let host = try ApplyHost()
        for module in ["sctp", "loop"] {
            try FileManager.default.createDirectory(
                atPath: host.folder.file("sys/module/\(module)"),
                withIntermediateDirectories: true
            )
        }
        let settings: JSONValue = [
            "kernel": ["sysctl": ["vm.swappiness": "1"], "modules": ["sctp": ["autoload": false]]]
        ]
        let changed = [
            // Gone from here, and still set there.
            "boot.kernel-parameters.\"sysctl.vm/swappiness\"", "kernel.sysctl.\"vm.swappiness\"",
            // Gone.
            "boot.kernel-parameters.\"sysctl.vm.overcommit_memory\"", "kernel.sysctl.\"net.ipv4.ip_forward\"",
            "boot.kernel-parameters.\"loop.max_loop\"", "boot.kernel-parameters.\"nbd.max_part\"",
            "kernel.modules.loop.autoload", "kernel.modules.nbd.autoload", "kernel.modules.sctp.autoload",
            // Nothing of it was ever in the kernel.
            "boot.kernel-parameters.quiet", "kernel.sysctl", "motd",
        ]
        let notices = try await host.apply(changed, settings).notices
        #expect(
            notices.map { $0.components(separatedBy: ": ")[0] } == [
                "settings.boot.kernel-parameters.\"loop.max_loop\"",
                "settings.boot.kernel-parameters.\"sysctl.vm.overcommit_memory\"",
                "settings.kernel.modules.loop.autoload", "settings.kernel.modules.sctp.autoload",
                "settings.kernel.sysctl.\"net.ipv4.ip_forward\"",
            ]
        )
        #expect(notices.allSatisfy { $0.contains("until the host reboots") }, "\(notices)")
        // Whoever asks for all does not ask what went before.
        #expect(try await host.apply(nil, settings).notices.isEmpty)
    }

    @Test func hostNamesThatTheKernelCutsAreNamed() throws {
        let label = String(repeating: "a", count: 60)
        #expect(try notices(["network": ["hostname": .string("\(label).org")]]).isEmpty)
        let notices = try notices(["network": ["hostname": .string("\(label).example.org")]])
        #expect(notices.count == 1 && notices.first?.contains("'\(label)'") == true, "\(notices)")
    }
}
