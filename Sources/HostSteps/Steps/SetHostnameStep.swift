internal import Glibc
internal import SettingsModel

extension Step {
    static let setHostname = Step(
        name: "set-hostname",
        summary: "give the kernel the host name in \(HostPaths.hostname)",
        help: """
            Usage: hostd set-hostname [--file FILE]

            Gives the kernel the host name in FILE (\(HostPaths.hostname)); of a name of more than
            \(HostName.kernelLimit) bytes, which the kernel does not take, the first label.
            """
    ) { options, console in
        var options = options
        let path = try options.value("--file", default: HostPaths.hostname)
        try options.end()
        guard let text = try SmallFile.read(path)?.trimmed else {
            throw StepError("there is no '\(path)' to take the host name from")
        }
        guard let name = HostName(text) else {
            let allowed = HostName.shape.allowed
            throw StepError("'\(text.prefix(80))' in '\(path)' is no host name: use \(allowed)")
        }
        let kernelName = name.kernelName
        guard sethostname(kernelName, kernelName.utf8.count) == 0 else {
            let reason = String(cString: strerror(errno))
            throw StepError("could not set the host name '\(kernelName)': \(reason)")
        }
        if kernelName != name.text {
            console.error(
                "the kernel takes a host name of at most \(HostName.kernelLimit) bytes: it is given the first "
                    + "label of '\(name)'"
            )
        }
        console.output("the host name is '\(kernelName)'")
        return 0
    }
}
