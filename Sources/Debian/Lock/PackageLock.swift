import Foundation
public import Hashing

/// The content of a `packages.lock` file: every package of a variant, and of the tools that build it.
///
/// A target's packages are what goes into an image of that architecture; tools run on a build machine of
/// theirs.
public struct PackageLock: Sendable, Equatable {
    /// The version of the file's format that this code reads and writes.
    public static let formatVersion = 1

    /// The suites the packages were chosen from.
    public var suites: [String]
    /// The components of those suites.
    public var components: [String]
    /// When the lock last changed, in seconds since 1970: the time that everything built from it takes for now
    /// (SOURCE_DATE_EPOCH).
    public var sourceDateEpoch: Int
    /// The packages of images, by architecture.
    public var targets: [String: PackageList]
    /// The packages of the build tools, by the build machine's architecture.
    public var tools: [String: PackageList]

    /// Puts a lock together.
    public init(
        suites: [String],
        components: [String],
        sourceDateEpoch: Int = 0,
        targets: [String: PackageList] = [:],
        tools: [String: PackageList] = [:]
    ) {
        self.suites = suites
        self.components = components
        self.sourceDateEpoch = sourceDateEpoch
        self.targets = targets
        self.tools = tools
    }

    /// Which list of a lock is meant.
    public enum ListName: Sendable, Hashable, Codable, CustomStringConvertible {
        /// The packages of images for an architecture.
        case target(String)
        /// The tools for build machines of an architecture.
        case tools(String)

        /// The name as messages show it.
        public var description: String {
            switch self {
            case .target(let architecture): return "packages for \(architecture)"
            case .tools(let architecture): return "tools for \(architecture)"
            }
        }
    }

    /// One list, or nil when the lock does not have it.
    public subscript(_ name: ListName) -> PackageList? {
        get {
            switch name {
            case .target(let architecture): return targets[architecture]
            case .tools(let architecture): return tools[architecture]
            }
        }
        set {
            switch name {
            case .target(let architecture): targets[architecture] = newValue
            case .tools(let architecture): tools[architecture] = newValue
            }
        }
    }

    /// The names of all lists, targets first.
    public var listNames: [ListName] {
        targets.keys.sorted().map(ListName.target) + tools.keys.sorted().map(ListName.tools)
    }

    /// The packages of a list, after checking that it was made for just these requested names.
    ///
    /// - Throws: `PackageLockError.noList` or `.requestChanged`, which names what the manifest adds and removes.
    public func packages(
        of name: ListName,
        requested: some Sequence<String>
    ) throws(PackageLockError) -> [LockedPackage] {
        guard let list = self[name] else { throw .noList(name, available: listNames) }
        let wanted = Set(requested)
        guard PackageList.digest(ofRequest: wanted) != list.requestDigest else { return list.packages }
        let locked = Set(list.requested)
        throw .requestChanged(
            name,
            added: wanted.subtracting(locked).sorted(),
            removed: locked.subtracting(wanted).sorted()
        )
    }
}

/// The packages that satisfy one request.
public struct PackageList: Sendable, Equatable {
    /// The package names that were asked for, sorted.
    public let requested: [String]
    /// The chosen packages with all they depend on, sorted by name.
    public let packages: [LockedPackage]

    /// Takes a request and its solution; both are sorted.
    ///
    /// - Throws: `PackageLockError.invalidList` when a package occurs twice or a requested name is no name.
    public init(
        requested: some Sequence<String>,
        packages: some Sequence<LockedPackage>
    ) throws(PackageLockError) {
        self.requested = Set(requested).sorted()
        self.packages = packages.sorted { ($0.name, $0.architecture) < ($1.name, $1.architecture) }
        if let bad = self.requested.first(where: { !DebianName.isPackage($0) }) {
            throw .invalidList(name: "requested", problem: "'\(bad.prefix(80))' is not a Debian package name")
        }
        for (one, next) in zip(self.packages, self.packages.dropFirst()) where one.name == next.name {
            throw .invalidList(name: "packages", problem: "'\(one.name)' occurs twice")
        }
    }

    /// SHA-256 of the requested names, which changes when the request does.
    public var requestDigest: SHA256Digest { Self.digest(ofRequest: requested) }

    /// SHA-256 over the sorted, distinct names, each ended by a newline.
    public static func digest(ofRequest names: some Sequence<String>) -> SHA256Digest {
        SHA256Digest(hashing: Set(names).sorted().map { "\($0)\n" }.joined())
    }

    /// The sum of the package files' sizes in bytes.
    public var totalSize: Int { packages.reduce(0) { $0 + $1.size } }
}
