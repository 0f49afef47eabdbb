internal import Features
internal import Glibc
internal import JSON
internal import SettingsModel
internal import Templates

/// Tells which settings can't take effect on the running host, and what to do about it.
struct NoticeBoard: Sendable {
    /// Where the running kernel tells its state.
    let sysfs: String

    /// The notices for settings in force, in the order of their keys.
    ///
    /// - Parameter changed: only these keys are spoken of; nil for all.
    func notices(for settings: SettingsDocument, changed: Set<SettingKey>?) -> [String] {
        settings.values.sorted { $0.key < $1.key }.compactMap { key, value in
            if let changed, !changed.contains(where: { key.isInside($0) }) { return nil }
            return notice(key, value).map { "\(key): \($0)" }
        }
    }

    private func notice(_ key: SettingKey, _ value: JSONValue) -> String? {
        let names = key.segments
        switch names.first {
        case "boot" where names.count == 3 && names[1] == "kernel-parameters":
            return bootParameter(names[2], value)
        case "boot" where names.count == 3 && names[1] == "init-parameters":
            return "has no effect: the command line is part of the signed image; build an image with it"
        case "boot" where names == ["boot", "reboot-to-reconcile"] && value == true:
            return "has no effect: a reboot can't change the command line, which is part of the signed image"
        case "kernel" where names == ["kernel", "lockdown"]: return lockdown(value.string ?? "")
        case "kernel"
        where names.count == 4 && names[1] == "modules" && names[3] == "allowed" && value == false:
            guard isLoaded(names[2]) else { return nil }
            return "the module is in the running kernel already, and stays there until the host reboots"
        default: return nil
        }
    }

    private func bootParameter(_ name: String, _ value: JSONValue) -> String? {
        switch BootParameter(name: name, values: (value.elements ?? []).compactMap(\.string)) {
        case .sysctl: return nil
        case .moduleOption(let module, _):
            guard isLoaded(module) else { return nil }
            return
                "the module '\(module)' is loaded already; the option holds when it is loaded again: reboot"
        case .unwritable:
            return
                "has no effect: a value has quotes, backslashes, '#' or ';', which modprobe.d(5) can't hold"
        case .notHonoured:
            return "has no effect: the command line is part of the signed image; build an image with it"
        }
    }

    /// A running kernel's lockdown can be raised, never lowered (kernel_lockdown(7)).
    private func lockdown(_ wanted: String) -> String? {
        let modes = ["none", "integrity", "confidentiality"]
        guard let level = modes.firstIndex(of: wanted) else { return nil }
        let bytes = try? readSmallFile("\(sysfs)/kernel/security/lockdown", maximumLength: 4096)
        let text = String(decoding: bytes ?? [], as: UTF8.self)
        guard let inForce = modes.firstIndex(where: { text.contains("[\($0)]") }) else {
            return level > 0 ? "has no effect: the running kernel has no lockdown" : nil
        }
        guard level < inForce else { return nil }
        return
            "the kernel stays at '\(modes[inForce])', a lockdown can't be lowered; reboot to have '\(wanted)'"
    }

    private func isLoaded(_ module: String) -> Bool {
        // The kernel writes '-' in the names of modules as '_'.
        access("\(sysfs)/module/\(String(module.map { $0 == "-" ? "_" : $0 }))", F_OK) == 0
    }
}
