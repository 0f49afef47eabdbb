import Glibc
import HostHealth

/// The boot-time steps of a host, one subcommand each.
///
/// Arguments are parsed by hand: a parser library would bring FoundationEssentials (6.7 MB) into the image.
@main struct Hostd {
    static let usage = """
        Usage: hostd check-boot [--json]
               hostd verify-root
               hostd check-trial

        Subcommands:
          check-boot   check that this boot is healthy; one line a check, or one JSON object with --json
          verify-root  read every block of the root file system through dm-verity
          check-trial  succeed while this boot is on trial and boot-complete.target has not been reached

        Example: hostd check-boot --json
        Exit status: 0 healthy (check-trial: still to prove itself), 1 not, 2 wrong usage.
        """

    static func main() {
        let arguments = Array(CommandLine.arguments.dropFirst())
        switch arguments {
        case ["check-boot"], ["check-boot", "--json"]:
            report(HealthCheck.boot, asJSON: arguments.contains("--json"))
        case ["verify-root"]:
            report([.wholeRoot], asJSON: false)
        case ["check-trial"]:
            let trial = Trial.current(on: HostFiles())
            print(trial)
            exit(trial.isUndecided ? 0 : 1)
        case ["--help"], ["-h"], ["help"], ["check-boot", "--help"]:
            print(usage)
            exit(0)
        default:
            let message = "hostd: unknown arguments: \(arguments.joined(separator: " "))\n\(usage)\n"
            _ = message.withCString { write(STDERR_FILENO, $0, strlen($0)) }
            exit(2)
        }
    }

    /// Runs checks, prints what they found, and ends.
    private static func report(_ checks: [HealthCheck], asJSON: Bool) -> Never {
        let report = HealthReport(running: checks, on: HostFiles())
        if asJSON {
            print(report.json)
        } else {
            report.lines.forEach { print($0) }
        }
        exit(report.isHealthy ? 0 : 1)
    }
}
