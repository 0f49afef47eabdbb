public import BootEntries
public import Hashing
import SmallFiles

/// What runs on a host.
public struct RunningSystem: Sendable, Equatable {
    /// The variant: `VARIANT_ID` of os-release(5).
    public var variant: String
    /// The version: `VERSION_ID`.
    public var version: UAPIVersion
    /// The Debian name of the architecture.
    public var architecture: String
    /// The root hash that the kernel was given.
    public var rootHash: SHA256Digest

    /// States a system.
    public init(variant: String, version: UAPIVersion, architecture: String, rootHash: SHA256Digest) {
        self.variant = variant
        self.version = version
        self.architecture = architecture
        self.rootHash = rootHash
    }

    /// Reads what this host says of itself.
    ///
    /// - Parameters:
    ///   - osRelease: the file of os-release(5).
    ///   - commandLine: the file of the kernel's command line, which has `roothash=`.
    /// - Throws: `UpdaterError.system`.
    public static func current(
        osRelease: String = "/usr/lib/os-release",
        commandLine: String = "/proc/cmdline"
    ) throws(UpdaterError) -> RunningSystem {
        let fields = try text(osRelease).split(separator: "\n")
        func field(_ name: String) throws(UpdaterError) -> String {
            let line = fields.first { $0.hasPrefix("\(name)=") }?.dropFirst(name.utf8.count + 1)
            let value = line.map { $0.filter { $0 != "\"" && $0 != "'" } } ?? ""
            guard !value.isEmpty else {
                throw .system("'\(osRelease)' has no \(name): this is no Bulkhead host")
            }
            return value
        }
        let options = try text(commandLine).split(whereSeparator: \.isWhitespace)
        let prefix = "roothash="
        guard let option = options.last(where: { $0.hasPrefix(prefix) }),
            let hash = SHA256Digest(hex: option.dropFirst(prefix.utf8.count))
        else {
            throw .system(
                "'\(commandLine)' has no roothash= with 64 hexadecimal digits: this is no Bulkhead host"
            )
        }
        return RunningSystem(
            variant: try field("VARIANT_ID"),
            version: UAPIVersion(try field("VERSION_ID")),
            architecture: architecture,
            rootHash: hash
        )
    }

    private static func text(_ path: String) throws(UpdaterError) -> String {
        do throws(SmallFileError) {
            return String(decoding: try readSmallFile(path, maximumLength: 64 << 10), as: UTF8.self)
        } catch {
            throw .system("'\(path)' \(error)")
        }
    }

    private static var architecture: String {
        #if arch(arm64)
            "arm64"
        #else
            "amd64"
        #endif
    }
}
