import Foundation
public import Hashing

/// The archive a package file lies in; where that archive is mirrored is no part of a lock.
public enum ArchiveName: String, Sendable, Codable, Hashable, CaseIterable {
    /// The main archive, with the suites `trixie` and `trixie-updates`.
    case debian = "debian"
    /// The archive of security updates, with the suite `trixie-security`.
    case debianSecurity = "debian-security"

    /// The archive that has a suite: those whose name ends in `-security` are in the security archive.
    public init(suite: String) {
        self = suite.hasSuffix("-security") ? .debianSecurity : .debian
    }
}

/// One package of a lock, pinned to the byte.
public struct LockedPackage: Sendable, Codable, Hashable {
    /// The binary package's name.
    public let name: String
    /// Its version, as Debian writes it.
    public let version: String
    /// The architecture of the package itself: that of the list, or `all`.
    public let architecture: String
    /// The archive the file lies in.
    public let archive: ArchiveName
    /// The file's path below the archive's root, like `pool/main/s/systemd/….deb`.
    public let filename: String
    /// The file's size in bytes.
    public let size: Int
    /// The file's SHA-256.
    public let sha256: SHA256Digest
    /// The source package's name.
    public let source: String
    /// The source package's version; binary rebuilds have another one than the binary package.
    public let sourceVersion: String
    /// The archive section, like `admin`.
    public let section: String
    /// What the package declares to take when installed, in KiB.
    public let installedSize: Int

    /// The largest package file that is accepted, in bytes.
    public static let maximumSize = 4 << 30

    /// Takes a package's facts after checking every one of them.
    ///
    /// - Throws: `PackageLockError.invalidPackage`, which says what is wrong with which value.
    public init(
        name: String,
        version: String,
        architecture: String,
        archive: ArchiveName,
        filename: String,
        size: Int,
        sha256: SHA256Digest,
        source: String,
        sourceVersion: String,
        section: String,
        installedSize: Int
    ) throws(PackageLockError) {
        func require(_ condition: Bool, _ problem: String) throws(PackageLockError) {
            guard condition else {
                throw .invalidPackage(name: String(name.prefix(80)), problem: String(problem.prefix(300)))
            }
        }
        try require(DebianName.isPackage(name), "'\(name)' is not a Debian package name")
        try require(DebianVersion(version) != nil, "'\(version)' is not a Debian version")
        try require(DebianName.isArchitecture(architecture), "'\(architecture)' is not an architecture")
        try require(
            Self.isPoolPath(filename),
            "the file name '\(filename)' must be a relative path to a .deb without '.' or '..' parts"
        )
        try require(
            (1...Self.maximumSize).contains(size),
            "the size \(size) is not between 1 and \(Self.maximumSize) bytes"
        )
        try require(DebianName.isPackage(source), "'\(source)' is not a source package name")
        try require(DebianVersion(sourceVersion) != nil, "'\(sourceVersion)' is not a source version")
        try require(
            !section.isEmpty && section.utf8.count <= 100 && section.utf8.allSatisfy(DebianName.isPathByte),
            "'\(section)' is not an archive section"
        )
        try require(
            (0...(1 << 40)).contains(installedSize),
            "the installed size \(installedSize) is impossible"
        )
        self.name = name
        self.version = version
        self.architecture = architecture
        self.archive = archive
        self.filename = filename
        self.size = size
        self.sha256 = sha256
        self.source = source
        self.sourceVersion = sourceVersion
        self.section = section
        self.installedSize = installedSize
    }

    /// Whether a path stays below the archive's root wherever it is appended.
    private static func isPoolPath(_ path: String) -> Bool {
        guard path.utf8.count <= 1024, path.hasSuffix(".deb"), path.utf8.allSatisfy(DebianName.isPathByte)
        else { return false }
        return path.split(separator: "/", omittingEmptySubsequences: false)
            .allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." }
    }

    /// Name and version, as messages show a package.
    public var title: String { "\(name) \(version)" }
}

/// What Debian Policy allows in names.
enum DebianName {
    /// Policy 5.6.1: lower-case letters, digits and `+-.`, beginning with one of the former two.
    static func isPackage(_ name: some StringProtocol) -> Bool {
        guard (2...128).contains(name.utf8.count), let first = name.utf8.first, isLowerOrDigit(first) else {
            return false
        }
        return name.utf8.allSatisfy { isLowerOrDigit($0) || "+-.".utf8.contains($0) }
    }

    /// Lower-case letters, digits and hyphens.
    static func isArchitecture(_ name: String) -> Bool {
        guard (2...32).contains(name.utf8.count), let first = name.utf8.first, isLowerOrDigit(first) else {
            return false
        }
        return name.utf8.allSatisfy { isLowerOrDigit($0) || $0 == UInt8(ascii: "-") }
    }

    /// Suites and components: what is safe in a file name and in apt's configuration, and is no option.
    static func isSuite(_ name: String) -> Bool {
        guard (1...64).contains(name.utf8.count), let first = name.utf8.first, isAlphanumeric(first) else {
            return false
        }
        return name.utf8.allSatisfy { isAlphanumeric($0) || "-._".utf8.contains($0) }
    }

    /// Printable ASCII without blanks, quotes and backslash.
    static func isPathByte(_ byte: UInt8) -> Bool {
        (0x21...0x7e).contains(byte) && !"\"'\\".utf8.contains(byte)
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        isLowerOrDigit(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
    }

    private static func isLowerOrDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
            || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
}
