internal import Glibc

/// How much the running kernel keeps even root from changing or reading it (kernel_lockdown(7)).
enum LockdownMode: String, CaseIterable, Comparable {
    case none, integrity, confidentiality

    /// The mode in force, from what the kernel writes: `none [integrity] confidentiality`.
    init?(inForce text: String) {
        let words = text.split(whereSeparator: \.isWhitespace)
        guard let chosen = words.first(where: { $0.hasPrefix("[") && $0.hasSuffix("]") }) else { return nil }
        self.init(rawValue: String(chosen.dropFirst().dropLast()))
    }

    static func < (left: LockdownMode, right: LockdownMode) -> Bool {
        (allCases.firstIndex(of: left) ?? 0) < (allCases.firstIndex(of: right) ?? 0)
    }
}

extension Step {
    static let lockdown = Step(
        name: "lockdown",
        summary: "raise the kernel's lockdown to what settings.kernel.lockdown asks for",
        help: """
            Usage: hostd lockdown [--wanted FILE] [--kernel FILE]

            Writes the mode in FILE (\(HostPaths.wantedLockdown)) to \(HostPaths.kernelLockdown) if it is
            stricter than the one in force. A running kernel's lockdown can't be lowered: a weaker mode takes
            effect with the next start.
            """
    ) { options, console in
        var options = options
        let wantedPath = try options.value("--wanted", default: HostPaths.wantedLockdown)
        let kernelPath = try options.value("--kernel", default: HostPaths.kernelLockdown)
        try options.end()
        guard let text = try SmallFile.read(wantedPath)?.trimmed, !text.isEmpty else {
            console.output("settings ask for no lockdown")
            return 0
        }
        guard let wanted = LockdownMode(rawValue: text) else {
            let allowed = LockdownMode.allCases.map(\.rawValue).joined(separator: ", ")
            throw StepError(
                "'\(text.prefix(40))' in '\(wantedPath)' is no lockdown mode: use one of \(allowed)"
            )
        }
        guard let state = try SmallFile.read(kernelPath), let inForce = LockdownMode(inForce: state) else {
            if wanted == .none { return 0 }
            throw StepError(
                "the kernel has no lockdown ('\(kernelPath)' does not tell a mode), '\(wanted)' is wanted: "
                    + "start it with 'lsm=' naming lockdown"
            )
        }
        if wanted == inForce {
            console.output("the kernel's lockdown is '\(inForce)' already")
        } else if wanted < inForce {
            console.output(
                "the kernel's lockdown stays '\(inForce)': a running kernel's can't be lowered; "
                    + "'\(wanted)' takes effect with the next start"
            )
        } else {
            try raise(to: wanted, kernelPath)
            console.output("the kernel's lockdown is raised from '\(inForce)' to '\(wanted)'")
        }
        return 0
    }

    private static func raise(to mode: LockdownMode, _ path: String) throws(StepError) {
        // The kernel takes a mode in one write(2).
        let descriptor = open(path, O_WRONLY | O_CLOEXEC)
        defer { if descriptor >= 0 { close(descriptor) } }
        let bytes = Array(mode.rawValue.utf8)
        guard descriptor >= 0, Glibc.write(descriptor, bytes, bytes.count) == bytes.count else {
            throw StepError("could not write '\(mode)' to '\(path)': \(String(cString: strerror(errno)))")
        }
    }
}

extension String {
    /// The text without white space at its ends.
    var trimmed: String {
        String(drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
    }
}
