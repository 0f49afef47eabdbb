import APIClient
import APIServer
import Glibc
import HostSteps
import UpdaterService

/// The one program on hosts, under several names: the name it is called by, or its first argument, tells which.
@main struct Host {
    static func main() async {
        var arguments = CommandLine.arguments
        var name = arguments.isEmpty ? "" : arguments.removeFirst()
        name = name.split(separator: "/").last.map(String.init) ?? name
        if !Self.names.contains(name) { name = arguments.isEmpty ? "" : arguments.removeFirst() }
        switch name {
        case "apiclient": exit(await APIClientProgram.main(arguments: arguments))
        case "apiserver": exit(await APIServerProgram.main(arguments: arguments))
        case "hostd": exit(await HostStepsProgram.main(arguments: arguments))
        case "updater": exit(await UpdaterProgram.main(arguments: arguments))
        default:
            let usage = "Usage: bulkhead-host \(Self.names.joined(separator: "|")) [arguments]\n"
            _ = usage.withCString { write(STDERR_FILENO, $0, strlen($0)) }
            exit(2)
        }
    }

    private static let names = ["apiclient", "apiserver", "hostd", "updater"]
}
