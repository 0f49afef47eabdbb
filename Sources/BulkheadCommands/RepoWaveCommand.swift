import ArgumentParser
import Foundation
import Presentation
import ReleaseRepository
import Rollout
import TUF

/// A schedule of waves from a file.
enum ScheduleFile {
    /// Reads a schedule; the standard one where no file is named.
    static func read(_ path: String?) throws -> WaveSchedule {
        guard let path else { return .standard }
        guard let handle = FileHandle(forReadingAtPath: path) else {
            throw ScheduleFileError(path: path, problem: "it cannot be read; name a schedule in TOML")
        }
        defer { try? handle.close() }
        let data = try handle.read(upToCount: WaveSchedule.sizeLimit + 1) ?? Data()
        do throws(RolloutError) { return try WaveSchedule(parsingTOML: Array(data)) } catch {
            throw ScheduleFileError(path: path, problem: "\(error)")
        }
    }
}

/// Why a schedule file cannot be used.
struct ScheduleFileError: Error, CustomStringConvertible {
    let path: String
    let problem: String

    var description: String { "'\(path)': \(problem)" }
}

/// `bulkhead repo wave`.
struct RepoWaveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "wave",
        abstract: "Schedule a release anew, or see how a schedule reaches a fleet.",
        discussion: """
            The waves of --schedule begin now. A schedule is TOML; percentages count the waves before with them:

              [[waves]]
              start_after = '4 hours'
              fleet_percentage = 5

              [[waves]]
              start_after = '1 day'
              fleet_percentage = 100

            With --simulate nothing is written: a table and a plot show how many of that many made-up hosts have taken
            the release when. Then REPOSITORY and RELEASE may be left out, or be named without --schedule to simulate
            the waves that the release has.

            Examples:
              bulkhead repo wave site vm-containerd/amd64/0.2.0 --keys keys --schedule waves.toml
              bulkhead repo wave --schedule waves.toml --simulate 1000
              bulkhead repo wave --simulate 1000 --failure-rate 0.02 --halt '30 hours' --plot rollout.svg
              bulkhead repo wave site vm-containerd/amd64/0.2.0 --simulate 1000
            """
    )

    @Argument(help: ArgumentHelp("The repository's folder.", valueName: "repository"))
    var folder: String?

    @Argument(help: "The release: VARIANT/ARCH/VERSION.")
    var release: String?

    @Option(help: ArgumentHelp("The waves, in TOML; the standard ones by default.", valueName: "file"))
    var schedule: String?

    @Option(help: ArgumentHelp("The key ring's folder.", valueName: "folder"))
    var keys: String?

    @Option(help: ArgumentHelp("Only show what happens to this many hosts.", valueName: "hosts"))
    var simulate: Int?

    @Option(help: ArgumentHelp("The share of hosts on which the release fails: 0 to 1.", valueName: "share"))
    var failureRate = 0.0

    @Option(
        help: ArgumentHelp("How often a host looks for updates; '1 hour' by default.", valueName: "duration")
    )
    var pollInterval: DurationArgument?

    @Option(help: ArgumentHelp("When the release is withdrawn, after its start.", valueName: "duration"))
    var halt: DurationArgument?

    @Option(help: ArgumentHelp("Also draw the plot into a file (SVG).", valueName: "file"))
    var plot: String?

    @OptionGroup var expiry: ExpiryOptions

    @OptionGroup var time: TimeOptions

    @Flag(help: "Print what was done, or the table of the simulation, as JSON.")
    var json = false

    func validate() throws {
        if (folder == nil) != (release == nil) {
            throw ValidationError("name both the repository and the release, VARIANT/ARCH/VERSION")
        }
        if simulate == nil {
            guard folder != nil, keys != nil else {
                throw ValidationError(
                    "name repository, release and --keys, or simulate with --simulate HOSTS"
                )
            }
            for (name, isGiven) in [
                ("--failure-rate", failureRate != 0), ("--poll-interval", pollInterval != nil),
                ("--halt", halt != nil), ("--plot", plot != nil),
            ] where isGiven {
                throw ValidationError("\(name) needs --simulate")
            }
        }
    }

    func run() async throws {
        let now = try time.moment()
        if let simulate { return try runSimulation(hosts: simulate, now: now) }
        guard let folder, let release, let keys else { return }
        let waves = try WaveTable(ScheduleFile.read(schedule), from: now.seconds)
        let repository = try Repository(
            FolderStorage(folder, forWriting: true),
            keys: KeyRing(reading: keys),
            now: now,
            policy: expiry.policy(),
            progress: { Console.error($0) }
        )
        let changed = try await repository.setWaves(waves, of: release)
        if json { return try Console.json(RepositoryChange(changed: changed, releases: [release])) }
        let end = MetadataTime(seconds: waves.end ?? now.seconds)
        print(
            "\(release): \(changed ? "scheduled; all hosts by \(end)" : "scheduled so already, nothing changed")"
        )
    }

    private func runSimulation(hosts: Int, now: MetadataTime) throws {
        let (waves, start) = try simulatedWaves(now: now)
        let simulation = try RolloutSimulation(
            waves,
            start: start,
            parameters: .init(
                hosts: hosts,
                failureRate: failureRate,
                pollInterval: pollInterval?.seconds ?? 3600,
                halt: halt?.seconds
            )
        )
        if let plot {
            do { try Data(simulation.svg().utf8).write(to: URL(filePath: plot), options: .atomic) } catch {
                throw ScheduleFileError(
                    path: plot,
                    problem: "the plot cannot be written: \(error.localizedDescription)"
                )
            }
        }
        if json { return try Console.json(simulation.table) }
        print(simulation.text().joined(separator: "\n"))
    }

    /// The waves of the release where no schedule is named, and the time that they count from.
    private func simulatedWaves(now: MetadataTime) throws -> (WaveTable, start: Int64) {
        guard let folder, let release, schedule == nil else {
            return (try WaveTable(ScheduleFile.read(schedule), from: now.seconds), now.seconds)
        }
        let waves = try RepositoryReading.waves(of: release, in: FolderStorage(folder, forWriting: false))
        return (waves, waves.starts.first?.time ?? now.seconds)
    }
}
