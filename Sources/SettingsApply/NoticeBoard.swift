internal import Glibc
internal import JSON
internal import SettingsModel
internal import SmallFiles
internal import Templates

/// Tells which settings can't take effect on the running host, and what to do about it.
struct NoticeBoard: Sendable {
    /// Where the running kernel tells its state.
    let sysfs: String

    /// The notices for settings in force, in the order of their keys.
    ///
    /// - Parameter changed: only these keys are spoken of, also those that are no longer set; nil for all that are set.
    func notices(for settings: SettingsDocument, changed: Set<SettingKey>?) -> [String] {
        var found: [SettingKey: String] = [:]
        for (key, value) in settings.values {
            if let changed, !changed.contains(where: { key.isInside($0) }) { continue }
            found[key] = notice(key, value)
        }
        if let changed {
            // Whether a value is new only those can know who know what changed.
            for key in changed where found[key] == nil {
                let isOff = settings.values[key].map { $0 == .bool(false) } ?? true
                if isOff { found[key] = remainder(of: key, in: settings) }
            }
        }
        return found.sorted { $0.key < $1.key }.map { "\($0): \($1)" }
    }

    /// What stays in the running kernel of a setting that is no longer set, or is off; nil where nothing does.
    private func remainder(of key: SettingKey, in settings: SettingsDocument) -> String? {
        let names = key.segments
        let isGone = !settings.values.keys.contains(key)
        switch names.first {
        case "kernel" where isGone && names.count == 3 && names[1] == "sysctl":
            return sysctlRemainder(names[2], settings)
        case "boot" where isGone && names.count == 3 && names[1] == "kernel-parameters":
            switch BootParameter(name: names[2]) {
            case .sysctl(let name): return sysctlRemainder(name, settings)
            case .moduleOption(let module, _) where isLoaded(module):
                return
                    "no longer set; the module '\(module)' is loaded, and keeps the option until the host reboots"
            case .moduleOption, .notHonoured, .unwritable: return nil
            }
        case "kernel" where names.count == 4 && names[1] == "modules" && names[3] == "autoload":
            guard isLoaded(names[2]) else { return nil }
            return "the module is no longer loaded at boot; it is now, and stays until the host reboots"
        default: return nil
        }
    }

    /// A sysctl has no default to go back to; nil while another setting still sets it.
    private func sysctlRemainder(_ name: String, _ settings: SettingsDocument) -> String? {
        guard let path = SysctlKey(name)?.path else { return nil }
        let isStillSet = settings.values.keys.contains { key in
            let names = key.segments
            guard names.count == 3 else { return false }
            if names[0] == "kernel", names[1] == "sysctl" { return SysctlKey(names[2])?.path == path }
            guard names[0] == "boot", names[1] == "kernel-parameters",
                case .sysctl(let other) = BootParameter(name: names[2])
            else { return false }
            return SysctlKey(other)?.path == path
        }
        return isStillSet ? nil : "no longer set; the kernel keeps the value until the host reboots"
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
        case "network" where names == ["network", "hostname"]:
            guard let name = value.string.flatMap({ HostName($0) }), name.kernelName != name.text else {
                return nil
            }
            return
                "the kernel takes at most \(HostName.kernelLimit) bytes: its name is '\(name.kernelName)'"
        case "kernel" where names == ["kernel", "lockdown"]: return lockdown(value.string ?? "")
        case "kernel"
        where names.count == 4 && names[1] == "modules" && names[3] == "allowed" && value == false:
            guard isLoaded(names[2]) else { return nil }
            return
                "the module is in the running kernel already, and stays there until the host reboots; what the initrd, "
                + "the image or udev loads at boot is there again then"
        default: return nil
        }
    }

    private func bootParameter(_ name: String, _ value: JSONValue) -> String? {
        switch BootParameter(name: name, values: (value.elements ?? []).compactMap(\.string)) {
        case .sysctl: return nil
        case .moduleOption(let module, let parameter):
            guard isLoaded(module), !holds(value, module, parameter) else { return nil }
            return
                "the module '\(module)' is in the running kernel already, and takes the option only when it is loaded "
                + "anew: at a reboot, unless the initrd, the image or udev loads it before settings are applied"
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

    /// Whether a loaded module has the option already; not where the kernel does not show the parameter.
    private func holds(_ value: JSONValue, _ module: String, _ parameter: String) -> Bool {
        guard let wanted = value.elements?.last?.string else { return false }
        let path = "\(modulePath(module))/parameters/\(kernelName(parameter))"
        guard let bytes = try? readSmallFile(path, maximumLength: 4096) else { return false }
        let found = String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
        // The kernel shows a truth value as Y or N, however it was given (kstrtobool).
        let truth = ["Y": ["1", "y", "on"], "N": ["0", "n", "off"]]
        return found == wanted || truth[found]?.contains(wanted.lowercased()) == true
    }

    private func modulePath(_ module: String) -> String { "\(sysfs)/module/\(kernelName(module))" }

    /// The kernel writes '-' in the names of modules and parameters as '_'.
    private func kernelName(_ name: String) -> String { String(name.map { $0 == "-" ? "_" : $0 }) }

    private func isLoaded(_ module: String) -> Bool {
        access(modulePath(module), F_OK) == 0
    }
}
