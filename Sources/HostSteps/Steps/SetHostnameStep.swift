internal import Glibc
internal import SettingsModel

extension Step {
    static let setHostname = Step(
        name: "set-hostname",
        summary: "give the kernel the host name in \(HostPaths.hostname)",
        help: """
            Usage: hostd set-hostname [--file FILE]

            Gives the kernel the host name in FILE (\(HostPaths.hostname)).
            """
    ) { options, console in
        var options = options
        let path = try options.value("--file", default: HostPaths.hostname)
        try options.end()
        guard let text = try SmallFile.read(path)?.trimmed else {
            throw StepError("there is no '\(path)' to take the host name from")
        }
        // The kernel's limit (sethostname(2)) is below that of names in DNS.
        guard let name = HostName(text), name.text.utf8.count <= 64 else {
            let allowed = HostName.shape.allowed
            throw StepError(
                "'\(text.prefix(80))' in '\(path)' is no host name: use \(allowed), at most 64 bytes"
            )
        }
        guard sethostname(name.text, name.text.utf8.count) == 0 else {
            throw StepError("could not set the host name '\(name)': \(String(cString: strerror(errno)))")
        }
        console.output("the host name is '\(name)'")
        return 0
    }
}
