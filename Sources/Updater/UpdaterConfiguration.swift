public import BootEntries
import JSON
import SmallFiles

/// Where updates come from and which are taken: the settings of `updates` and of the proxy, as they are rendered for the
/// updater.
///
/// ```json
/// {"metadata-base-url": "https://updates.example.org/metadata", "targets-base-url": "https://updates.example.org/targets",
///  "mirrors": ["https://mirror.example.org/bulkhead"], "bandwidth-limit": 1000000, "seed": 1234, "version-lock": "latest", "ignore-waves": false, "check-interval-seconds": 21600,
///  "https-proxy": "http://proxy:3128", "no-proxy": [],
///  "certificates": "/run/bulkhead/etc/ssl/certs/added.pem"}
/// ```
///
/// Only the addresses are needed. What is missing, `null` or an empty text is as if the setting was not set; a member of
/// another type than here is an error. Other members mean nothing.
public struct UpdaterConfiguration: Sendable, Equatable {
    /// The folder of metadata.
    public var metadataURL: String
    /// The folder of targets.
    public var targetsURL: String
    /// Copies of the repository, in the order in which they are asked: folders with `metadata` and `targets`.
    public var mirrors: [String]
    /// Bytes a second that are fetched at most; nil for no limit.
    public var bandwidth: Int?
    /// The host's place in the waves, 0 to 2047; without the setting it is the last.
    public var seed: Int
    /// The version that the host updates to; nil for the latest.
    public var versionLock: UAPIVersion?
    /// Whether a release is taken before its wave has come.
    public var ignoresWaves: Bool
    /// The proxy, if there is one.
    public var proxy: String?
    /// What is reached without the proxy.
    public var noProxy: [String]
    /// A file of certificates in PEM that servers are trusted by; nil for the system's.
    public var authorities: String?
    /// About how often the host looks for updates by itself, in seconds; nil for never.
    public var checkInterval: Int64?

    /// A year.
    private static let longestInterval: Int64 = 31_536_000

    /// The seed of the hosts that are served last.
    private static let lastSeed = 2047

    /// States a configuration.
    public init(
        metadataURL: String,
        targetsURL: String,
        mirrors: [String] = [],
        bandwidth: Int? = nil,
        seed: Int = 2047,
        versionLock: UAPIVersion? = nil,
        ignoresWaves: Bool = false,
        proxy: String? = nil,
        noProxy: [String] = [],
        authorities: String? = nil,
        checkInterval: Int64? = nil
    ) {
        self.metadataURL = metadataURL
        self.targetsURL = targetsURL
        self.mirrors = mirrors
        self.bandwidth = bandwidth
        self.seed = seed
        self.versionLock = versionLock
        self.ignoresWaves = ignoresWaves
        self.proxy = proxy
        self.noProxy = noProxy
        self.authorities = authorities
        self.checkInterval = checkInterval
    }

    /// Reads the rendered file.
    ///
    /// - Throws: `UpdaterError.configuration`, among others when the settings name no repository.
    public init(file path: String) throws(UpdaterError) {
        let bytes: [UInt8]
        do throws(SmallFileError) { bytes = try readSmallFile(path, maximumLength: 256 << 10) } catch {
            throw .configuration("'\(path)' \(error)")
        }
        let json: JSONValue
        do throws(JSONError) { json = try JSONValue(parsing: bytes) } catch {
            throw .configuration("'\(path)' is not JSON: \(error)")
        }
        guard json.members != nil else {
            throw .configuration("'\(path)' must be an object of settings, not \(json.kind)")
        }
        func wrong(_ name: String, _ value: JSONValue, _ allowed: String) -> UpdaterError {
            .configuration("'\(path)': '\(name)' is \(value); it must be \(allowed)")
        }
        func member(_ name: String) -> JSONValue? {
            let value = json[name]
            return value == JSONValue.null ? Optional.none : value
        }
        func text(_ name: String) throws(UpdaterError) -> String? {
            guard let value = member(name) else { return nil }
            guard let text = value.string else { throw wrong(name, value, "a text") }
            return text.isEmpty ? nil : text
        }
        func address(_ name: String) throws(UpdaterError) -> String {
            guard let value = try text(name) else {
                throw .configuration(
                    "the setting updates.\(name) is not set: it says where updates come from"
                )
            }
            return value
        }
        let lock = try text("version-lock")
        var seed = Self.lastSeed
        if let value = member("seed") {
            guard let number = value.integer, (0...Int64(Self.lastSeed)).contains(number) else {
                throw wrong("seed", value, "a number from 0 to \(Self.lastSeed)")
            }
            seed = Int(number)
        }
        var ignoresWaves = false
        if let value = member("ignore-waves") {
            guard let bool = value.bool else { throw wrong("ignore-waves", value, "true or false") }
            ignoresWaves = bool
        }
        func texts(_ name: String) throws(UpdaterError) -> [String] {
            guard let value = member(name) else { return [] }
            guard let texts = value.elements?.map(\.string), !texts.contains(nil) else {
                throw wrong(name, value, "a list of texts")
            }
            return texts.compactMap { $0 }
        }
        var bandwidth: Int?
        if let value = member("bandwidth-limit") {
            guard let number = value.integer, number > 0 else {
                throw wrong("bandwidth-limit", value, "a number of bytes a second")
            }
            bandwidth = Int(clamping: number)
        }
        var interval: Int64?
        if let value = member("check-interval-seconds") {
            guard let number = value.integer, number >= 0 else {
                throw wrong("check-interval-seconds", value, "a number of seconds; 0 for never")
            }
            interval = number == 0 ? nil : min(number, Self.longestInterval)
        }
        self.init(
            metadataURL: try address("metadata-base-url"),
            targetsURL: try address("targets-base-url"),
            mirrors: try texts("mirrors"),
            bandwidth: bandwidth,
            seed: seed,
            versionLock: lock == "latest" ? nil : lock.map { UAPIVersion($0) },
            ignoresWaves: ignoresWaves,
            proxy: try text("https-proxy"),
            noProxy: try texts("no-proxy"),
            authorities: try text("certificates"),
            checkInterval: interval
        )
    }
}
