import JSON

/// Where updates of the operating system come from, and which are taken.
public struct UpdatesSettings: SettingsGroup {
    /// The TUF repository's metadata.
    public var metadataBaseURL: WebURL?
    /// The TUF repository's targets.
    public var targetsBaseURL: WebURL?
    /// Copies of the repository.
    public var mirrors: [WebURL]?
    /// The most that updates take of the network.
    public var bandwidthLimit: ByteRate?
    /// The place of this host in the waves of a release.
    public var seed: UpdateSeed?
    /// The version to update to.
    public var versionLock: VersionLock?
    /// Whether a release is taken before its wave has come.
    public var ignoreWaves: Bool?
    /// How often the host looks for updates by itself.
    public var checkInterval: UpdateCheckInterval?

    /// Nothing set.
    public init() {}

    /// The settings of the group.
    public static let fields: [Field<UpdatesSettings>] = [
        Field(
            "metadata-base-url",
            \.metadataBaseURL,
            "Where the signed metadata of releases is: the folder of `timestamp.json`.",
            example: "https://updates.example.org/metadata"
        ),
        Field(
            "targets-base-url",
            \.targetsBaseURL,
            "Where the files of releases are.",
            example: "https://updates.example.org/targets"
        ),
        Field(
            "mirrors",
            \.mirrors,
            "Copies of the repository, each a folder with `metadata` and `targets` in it: they are asked in this order where the base URLs do not answer, or send what was not signed.",
            example: ["https://mirror.example.org/bulkhead"]
        ),
        Field(
            "bandwidth-limit",
            \.bandwidthLimit,
            "How many bytes a second updates take of the network at most; no limit, if it is not set.",
            example: 1_000_000
        ),
        Field(
            "seed",
            \.seed,
            "The place of this host in the waves of a release: low numbers are served first. Made at random by default.",
            example: 1234
        ),
        Field(
            "version-lock",
            \.versionLock,
            "The version that this host updates to, or `latest`.",
            example: "latest"
        ),
        Field(
            "ignore-waves",
            \.ignoreWaves,
            "Whether a release is taken as soon as it is published, without waiting for the wave of this host.",
            example: false
        ),
        Field(
            "check-interval",
            \.checkInterval,
            "How often this host looks for updates by itself, a little earlier or later each time; never, if it is not set. It only looks: nothing is downloaded or written.",
            example: "6h"
        ),
    ]
}
