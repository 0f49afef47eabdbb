import Foundation
import Processes

/// How the signature of an archive is checked.
public enum ArchiveTrust: Sendable, Hashable {
    /// With the keys of a file.
    case signedBy(String)
    /// Not at all; only for archives that tests make.
    case unsigned

    /// Debian's own keys, as the package debian-archive-keyring installs them.
    public static let debian = ArchiveTrust.signedBy("/usr/share/keyrings/debian-archive-keyring.gpg")
}

/// Where the main archive and the security archive are mirrored.
///
/// The addresses may have any scheme that apt's methods support. They belong to the machine and to the moment,
/// and never go into a lock.
public struct AptArchives: Sendable, Hashable {
    /// The main archive's root, without a slash at its end.
    public let main: String
    /// The security archive's root, without a slash at its end.
    public let security: String
    /// How signatures are checked.
    public let trust: ArchiveTrust

    /// Takes the addresses a user names.
    ///
    /// - Parameter security: nil derives the sibling `<mirror>-security`, where mirrors have it.
    /// - Throws: `AptError.invalidMirror`.
    public init(mirror: String, security: String? = nil, trust: ArchiveTrust = .debian) throws(AptError) {
        main = try Self.checked(mirror)
        if let security {
            self.security = try Self.checked(security)
        } else {
            self.security = Self.securitySibling(of: main)
        }
        self.trust = trust
    }

    /// The root of one of the archives.
    public func root(of archive: ArchiveName) -> String {
        switch archive {
        case .debian: return main
        case .debianSecurity: return security
        }
    }

    /// The address of a package's file, with what a URI does not allow percent-encoded.
    public func address(of package: LockedPackage) -> String {
        "\(root(of: package.archive))/\(Self.percentEncoded(package.filename))"
    }

    /// The archive an address is in and the path below its root; nil for an address elsewhere.
    func locate(_ address: String) -> (archive: ArchiveName, path: String)? {
        let plain = Self.percentDecoded(address)
        // The longer root first, since one archive may lie within the other's directory.
        let candidates = ArchiveName.allCases.sorted { root(of: $0).count > root(of: $1).count }
        for archive in candidates {
            let prefix = Self.percentDecoded(root(of: archive)) + "/"
            if plain.hasPrefix(prefix) { return (archive, String(plain.dropFirst(prefix.count))) }
        }
        return nil
    }

    /// Where a mirror of the main archive usually has the security archive.
    ///
    /// Lists of mirrors (`mirror+file:/etc/apt/mirrors/debian.list`, as Debian's cloud images have it) keep
    /// their extension.
    static func securitySibling(of mirror: String) -> String {
        mirror.hasSuffix(".list") ? "\(mirror.dropLast(5))-security.list" : "\(mirror)-security"
    }

    static func checked(_ mirror: String) throws(AptError) -> String {
        func refuse(_ problem: String) -> AptError {
            .invalidMirror(String(mirror.prefix(200)), problem: problem)
        }
        guard mirror.utf8.allSatisfy(DebianName.isPathByte), mirror.utf8.count <= 1000 else {
            throw refuse("it has blanks, quotes or other characters that an address cannot have")
        }
        guard let colon = mirror.firstIndex(of: ":"), colon != mirror.startIndex,
            mirror[..<colon].utf8.allSatisfy({ DebianName.isPathByte($0) && $0 != UInt8(ascii: "/") })
        else { throw refuse("it has no scheme such as 'https:' or 'file:'") }
        var address = Substring(mirror)
        while address.hasSuffix("/") { address = address.dropLast() }
        guard address.endIndex > mirror.index(after: colon) else { throw refuse("it names no directory") }
        return String(address)
    }

    static func percentEncoded(_ path: String) -> String {
        var encoded = ""
        for byte in path.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                encoded.unicodeScalars.append(UnicodeScalar(byte))
            case UInt8(ascii: "/"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
                encoded.unicodeScalars.append(UnicodeScalar(byte))
            default:
                // As apt does, also for '~' and '+', which some servers take for something else.
                let digits = String(byte, radix: 16)
                encoded += digits.count == 1 ? "%0\(digits)" : "%\(digits)"
            }
        }
        return encoded
    }

    /// An address without a user's name and password, as messages may show it.
    static func withoutPassword(_ address: String) -> String {
        guard let scheme = address.range(of: "://") else { return address }
        let authority = address[scheme.upperBound...].prefix { $0 != "/" }
        guard let at = authority.lastIndex(of: "@") else { return address }
        return String(address[..<scheme.upperBound] + address[address.index(after: at)...])
    }

    static func percentDecoded(_ text: some StringProtocol) -> String {
        text.removingPercentEncoding ?? String(text)
    }
}
