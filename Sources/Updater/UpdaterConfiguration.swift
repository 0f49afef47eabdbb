public import BootEntries
import JSON
import SmallFiles

/// Where updates come from and which are taken: the settings of `updates` and of the proxy, as they are rendered for the
/// updater.
///
/// ```json
/// {"metadata-base-url": "https://updates.example.org/metadata", "targets-base-url": "https://updates.example.org/targets",
///  "seed": 1234, "version-lock": "latest", "ignore-waves": false, "check-interval-seconds": 21600,
///  "https-proxy": "http://proxy:3128", "no-proxy": []}
/// ```
public struct UpdaterConfiguration: Sendable, Equatable {
    /// The folder of metadata.
    public var metadataURL: String
    /// The folder of targets.
    public var targetsURL: String
    /// The host's place in the waves.
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

    /// States a configuration.
    public init(
        metadataURL: String,
        targetsURL: String,
        seed: Int = 0,
        versionLock: UAPIVersion? = nil,
        ignoresWaves: Bool = false,
        proxy: String? = nil,
        noProxy: [String] = [],
        authorities: String? = nil,
        checkInterval: Int64? = nil
    ) {
        self.metadataURL = metadataURL
        self.targetsURL = targetsURL
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
        func address(_ name: String) throws(UpdaterError) -> String {
            guard let value = json[name]?.string, !value.isEmpty else {
                throw .configuration(
                    "the setting updates.\(name) is not set: it says where updates come from"
                )
            }
            return value
        }
        let lock = json["version-lock"]?.string ?? "latest"
        self.init(
            metadataURL: try address("metadata-base-url"),
            targetsURL: try address("targets-base-url"),
            seed: Int(clamping: json["seed"]?.integer ?? 0),
            versionLock: lock == "latest" ? nil : UAPIVersion(lock),
            ignoresWaves: json["ignore-waves"]?.bool ?? false,
            proxy: json["https-proxy"]?.string,
            noProxy: (json["no-proxy"]?.elements ?? []).compactMap(\.string),
            authorities: json["certificates"]?.string,
            checkInterval: json["check-interval-seconds"]?.integer.flatMap {
                $0 > 0 ? min($0, Self.longestInterval) : nil
            }
        )
    }
}
