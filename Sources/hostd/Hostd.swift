import Glibc
import HostHealth

/// The boot-time steps of a host, one subcommand each.
///
/// Arguments are parsed by hand: a parser library would bring FoundationEssentials (6.7 MB) into the image.
@main struct Hostd {
    static let usage = """
        Usage: hostd check-boot [--json]

        Subcommands:
          check-boot   check that this boot is healthy; one line a check, or one JSON object with --json

        Example: hostd check-boot --json
        Exit status: 0 healthy, 1 not healthy, 2 wrong usage.
        """

    static func main() {
        let arguments = Array(CommandLine.arguments.dropFirst())
        switch arguments {
        case ["check-boot"], ["check-boot", "--json"]:
            let report = HealthReport(running: HealthCheck.boot, on: HostFiles())
            if arguments.contains("--json") {
                print(report.json)
            } else {
                report.lines.forEach { print($0) }
            }
            exit(report.isHealthy ? 0 : 1)
        case ["--help"], ["-h"], ["help"], ["check-boot", "--help"]:
            print(usage)
            exit(0)
        default:
            let message = "hostd: unknown arguments: \(arguments.joined(separator: " "))\n\(usage)\n"
            _ = message.withCString { write(STDERR_FILENO, $0, strlen($0)) }
            exit(2)
        }
    }
}
