import ArgumentParser
import Foundation
import ReleaseRepository
import Rollout
import TUF

/// What "now" is in metadata that are written.
struct TimeOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The time to write, such as 2026-01-31T12:00:00Z; SOURCE_DATE_EPOCH, or the clock's by default.",
            valueName: "time"
        )
    )
    var now: String?

    func validate() throws { _ = try moment() }

    /// The time of the option, of the environment, or of the clock.
    func moment() throws -> MetadataTime {
        if let now {
            guard let time = MetadataTime(now) else {
                throw ValidationError("--now '\(now)': write a time such as 2026-01-31T12:00:00Z")
            }
            return time
        }
        guard let epoch = ProcessInfo.processInfo.environment["SOURCE_DATE_EPOCH"] else { return .now }
        guard let seconds = Int64(epoch), (0...253_402_300_799).contains(seconds) else {
            throw ValidationError("SOURCE_DATE_EPOCH is '\(epoch)': set it to seconds since 1970")
        }
        return MetadataTime(seconds: seconds)
    }
}

/// A duration as people write it: `4 hours`.
struct DurationArgument: ExpressibleByArgument {
    let seconds: Int64

    init?(argument: String) {
        guard let seconds = try? DurationText.parse(argument) else { return nil }
        self.seconds = seconds
    }
}

/// What every change of a repository needs.
struct RepositoryOptions: ParsableArguments {
    @Argument(help: ArgumentHelp("The repository's folder.", valueName: "repository"))
    var folder: String

    @Option(help: ArgumentHelp("The key ring's folder.", valueName: "folder"))
    var keys: String

    @Option(
        name: .customLong("expires"),
        help: ArgumentHelp(
            "How long new metadata of a role are good: timestamp='1 week' (the default), snapshot='2 weeks' or "
                + "targets='2 weeks'; may be repeated.",
            valueName: "role=duration"
        )
    )
    var lifetimes: [String] = []

    @OptionGroup var time: TimeOptions

    func validate() throws { _ = try policy() }

    /// The lifetimes of the options.
    func policy() throws -> ExpiryPolicy {
        var policy = ExpiryPolicy.standard
        for text in lifetimes {
            let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2, let seconds = try? DurationText.parse(parts[1]) else {
                throw ValidationError("--expires '\(text)': write it as timestamp='1 week'")
            }
            switch parts[0] {
            case "timestamp": policy.timestamp = seconds
            case "snapshot": policy.snapshot = seconds
            case "targets": policy.targets = seconds
            default:
                throw ValidationError(
                    "--expires '\(text)': the role is timestamp, snapshot or targets ('bulkhead keys' makes the root)"
                )
            }
        }
        return policy
    }

    /// The repository, locked for writing.
    func repository() throws -> Repository<FolderStorage> {
        try Repository(
            FolderStorage(folder, forWriting: true),
            keys: KeyRing(reading: keys),
            now: time.moment(),
            policy: policy(),
            progress: { Console.error($0) }
        )
    }
}

/// What a command that changes something prints with `--json`.
struct RepositoryChange: Encodable {
    /// Whether anything was written.
    var changed: Bool
    /// The releases that it is about: VARIANT/ARCH/VERSION.
    var releases: [String] = []
    /// The metadata files that were written, where these are the result.
    var written: [String]?
}
