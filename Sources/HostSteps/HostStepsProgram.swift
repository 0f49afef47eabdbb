/// The command `hostd`: the steps of a host's boot, one subcommand each.
///
/// Each is run by a unit of its own, and by hand for a closer look.
public enum HostStepsProgram {
    /// All steps, in about the order of the boot; those that others call stand last.
    static let steps: [Step] = [
        .migrate, .userData, .generate, .apply, .setHostname, .lockdown, .bootstrap, .hostContainers,
        .checkBoot, .verifyRoot, .checkTrial, .recordFailure, .showFailure, .refuseModule, .hostContainer,
    ]

    /// Runs a step.
    ///
    /// - Parameter arguments: what follows the name of the program.
    /// - Returns: the exit status: 0 done, 1 not, 2 wrong usage.
    public static func main(arguments: [String]) async -> Int32 {
        await run(arguments, console: .standard)
    }

    static func run(_ arguments: [String], console: Console) async -> Int32 {
        guard let name = arguments.first else {
            console.error(usage)
            return 2
        }
        if ["--help", "-h", "help"].contains(name) {
            console.output(usage)
            return 0
        }
        guard let step = steps.first(where: { $0.name == name }) else {
            console.error("hostd: there is no step '\(name)'\n\(usage)")
            return 2
        }
        var options = Options(Array(arguments.dropFirst()))
        if options.flag("--help") || options.flag("-h") {
            console.output(step.help)
            return 0
        }
        do {
            return try await step.run(options, console)
        } catch let error as UsageError {
            console.error("hostd \(name): \(error)\n\(step.help)")
            return 2
        } catch {
            console.error("hostd \(name): \(error)")
            return 1
        }
    }

    static var usage: String {
        let width = (steps.map(\.name.count).max() ?? 0) + 2
        let lines = steps.map {
            "  \($0.name)\(String(repeating: " ", count: width - $0.name.count))\($0.summary)"
        }
        return """
            Usage: hostd STEP [OPTIONS]

            Steps:
            \(lines.joined(separator: "\n"))

            'hostd STEP --help' says more. Example: hostd check-boot --json
            Exit status: 0 done, 1 not, 2 wrong usage.
            """
    }
}

/// One subcommand.
struct Step: Sendable {
    /// Its name in kebab case.
    let name: String
    /// What it does, in a few words.
    let summary: String
    /// The text of `--help`.
    let help: String
    /// Does it; the result is the exit status.
    let run: @Sendable (Options, Console) async throws -> Int32
}
