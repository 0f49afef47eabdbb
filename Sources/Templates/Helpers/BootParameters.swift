internal import JSON

/// What can become of a kernel parameter of `boot.kernel-parameters` when the command line itself is signed.
///
/// The command line lies in the unified kernel image, whose signature covers it, so no host can add to it. Some
/// parameters have a second way into the running kernel (docs/boot-parameters.md).
public enum BootParameter: Sendable, Equatable {
    /// `sysctl.NAME`: written to /proc/sys as soon as settings are applied.
    case sysctl(String)
    /// `MODULE.PARAMETER`: given to the module when it is loaded after that; without effect on what is built in.
    case moduleOption(module: String, parameter: String)
    /// Read before settings exist: it has no effect.
    case notHonoured
    /// `MODULE.PARAMETER` with a value that modprobe.d(5) can't hold: it has no effect.
    case unwritable

    /// Prefixes of parameters that look like those of modules, but are read by systemd in the initrd and at boot.
    private static let readAtBoot: Set<String> = [
        "fsck", "locale", "luks", "net", "quotacheck", "rd", "systemd", "udev", "vconsole",
    ]

    /// What becomes of a parameter with values.
    ///
    /// A value for a module may have spaces in it, but no quotes, backslashes, '#' or ';': modprobe.d(5) has no escapes.
    public init(name: String, values: [String] = []) {
        let parts = name.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false).map(
            String.init
        )
        guard parts.count == 2, !parts[1].isEmpty, isWord(name) else {
            self = .notHonoured
            return
        }
        if parts[0] == "sysctl" {
            self = isSysctlName(parts[1]) ? .sysctl(parts[1]) : .notHonoured
        } else if isModuleName(parts[0]), isModuleName(parts[1]), !Self.readAtBoot.contains(parts[0]) {
            let isWritable = values.allSatisfy { $0.isEmpty || isWord($0.filter { $0 != " " }) }
            self = isWritable ? .moduleOption(module: parts[0], parameter: parts[1]) : .unwritable
        } else {
            self = .notHonoured
        }
    }
}

/// Kernel settings and modules.
let bootHelpers: [String: Helper] = [
    // `boot_sysctls settings.boot.kernel-parameters`: {name: value} of the parameters `sysctl.NAME`.
    "boot_sysctls": Helper(1) { arguments throws(HelperError) in
        var result: [String: JSONValue] = [:]
        for (name, values) in try parameters(arguments) {
            // The last one counts, as on a command line.
            if case .sysctl(let key) = BootParameter(name: name), let value = values.last {
                result[key] = .string(value)
            }
        }
        return .object(result)
    },
    // `boot_module_options settings.boot.kernel-parameters`: {module: "parameter=value ..."} for modprobe.d(5), where
    // the rest of a line goes to the kernel as it is; the kernel knows double quotes, but no escapes in them. What can't be written so is left out, and a notice says it.
    "boot_module_options": Helper(1) { arguments throws(HelperError) in
        var result: [String: [String]] = [:]
        for (name, values) in try parameters(arguments).sorted(by: { $0.key < $1.key }) {
            guard case .moduleOption(let module, let parameter) = BootParameter(name: name, values: values)
            else { continue }
            // A parameter without value is a switch.
            for value in values.isEmpty ? [""] : values {
                let text = value.contains(" ") ? "\"\(value)\"" : value
                result[module, default: []].append(value.isEmpty ? parameter : "\(parameter)=\(text)")
            }
        }
        return .object(result.mapValues { .string($0.joined(separator: " ")) })
    },
    // `sysctl_name x`: the name of a kernel setting for sysctl.d(5); refuses globs, '-' at the beginning and '..'.
    "sysctl_name": Helper(1) { arguments throws(HelperError) in
        let name = try arguments.text(0)
        guard isSysctlName(name) else {
            throw HelperError("\(arguments.name(0)) is not the name of a sysctl")
        }
        return .string(name)
    },
    // `sysctl_value x`: the rest of a line of sysctl.d(5), without white space around it; tabs stand between numbers.
    "sysctl_value": Helper(1) { arguments throws(HelperError) in
        guard let text = try arguments.scalar(0) else { throw arguments.refusal(0, "set") }
        let words = text.split { $0 == " " || $0 == "\t" }.joined(separator: " ")
        guard !words.unicodeScalars.contains(where: { isControl($0) }) else {
            throw HelperError("\(arguments.name(0)) must be one line without control characters")
        }
        return .string(words)
    },
    // `module_name x`: the name of a kernel module: letters, digits, '-' and '_'.
    "module_name": Helper(1) { arguments throws(HelperError) in
        let name = try arguments.text(0)
        guard isModuleName(name) else {
            throw HelperError("\(arguments.name(0)) is not the name of a kernel module")
        }
        return .string(name)
    },
]

private func parameters(_ arguments: HelperArguments) throws(HelperError) -> [String: [String]] {
    var result: [String: [String]] = [:]
    for (name, values) in try arguments.members(0) {
        guard let elements = values.elements, elements.allSatisfy({ $0.scalarText != nil }) else {
            throw arguments.refusal(0, "an object of lists of texts")
        }
        result[name] = elements.compactMap(\.scalarText)
    }
    return result
}

private func isSysctlName(_ name: String) -> Bool {
    let parts = name.split(omittingEmptySubsequences: false) { $0 == "." || $0 == "/" }
    return (1...200).contains(name.utf8.count) && name.first != "-" && parts.allSatisfy { !$0.isEmpty }
        && name.unicodeScalars.allSatisfy {
            isNameScalar($0) || $0 == "." || $0 == "/" || $0 == "@" || $0 == ":"
        }
}

private func isModuleName(_ name: String) -> Bool {
    (1...64).contains(name.utf8.count) && name.first != "-"
        && name.unicodeScalars.allSatisfy { isNameScalar($0) }
}

/// A letter or digit of ASCII, '-' or '_'.
func isNameScalar(_ scalar: Unicode.Scalar) -> Bool {
    "a"..."z" ~= scalar || "A"..."Z" ~= scalar || "0"..."9" ~= scalar || scalar == "-" || scalar == "_"
}
