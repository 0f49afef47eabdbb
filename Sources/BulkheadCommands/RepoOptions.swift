import ArgumentParser
import Foundation
import ReleaseRepository
import Rollout
import TUF

/// What "now" is in metadata.
///
/// SOURCE_DATE_EPOCH of a build does not count: waves and expiry are counted from when hosts can see them.
struct TimeOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "What counts as now, such as 2026-01-31T12:00:00Z; the clock's time by default.",
            valueName: "time"
        )
    )
    var now: String?

    func validate() throws { _ = try moment() }

    /// The time of the option, or of the clock.
    func moment() throws -> MetadataTime {
        guard let now else { return .now }
        guard let time = MetadataTime(now) else {
            throw ValidationError("--now '\(now)': write a time such as 2026-01-31T12:00:00Z")
        }
        return time
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

/// How long new metadata are good.
struct ExpiryOptions: ParsableArguments {
    @Option(
        name: .customLong("expires"),
        help: ArgumentHelp(
            "How long new metadata of a role are good: timestamp='1 week' (the default), snapshot='2 weeks' or "
                + "targets='2 weeks'; may be repeated.",
            valueName: "role=duration"
        )
    )
    var lifetimes: [String] = []

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
            policy.chosen.insert(parts[0])
        }
        return policy
    }
}

/// What every change of a repository needs.
struct RepositoryOptions: ParsableArguments {
    @Argument(help: ArgumentHelp("The repository's folder.", valueName: "repository"))
    var folder: String

    @Option(help: ArgumentHelp("The key ring's folder.", valueName: "folder"))
    var keys: String

    @OptionGroup var expiry: ExpiryOptions

    @OptionGroup var time: TimeOptions

    /// The repository, locked for writing.
    func repository() throws -> Repository<FolderStorage> {
        try Repository(
            FolderStorage(folder, forWriting: true),
            keys: KeyRing(reading: keys),
            now: time.moment(),
            policy: expiry.policy(),
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
