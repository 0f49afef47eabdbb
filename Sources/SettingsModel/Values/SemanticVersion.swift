/// A version by Semantic Versioning 2.0.0.
public struct SemanticVersion: TextSetting, Hashable {
    /// The version, without a leading `v`.
    public let text: String

    /// Takes a version, perhaps with a leading `v`; nil for anything else.
    public init?(_ text: String) {
        guard text.utf8.count <= 128 else { return nil }
        let version = text.utf8.first == UInt8(ascii: "v") ? text.dropFirst() : text[...]
        let withBuild = version.split(separator: "+", maxSplits: 1, omittingEmptySubsequences: false)
        let withPre = withBuild[0].split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        let numbers = withPre[0].split(separator: ".", omittingEmptySubsequences: false)
        guard numbers.count == 3, numbers.allSatisfy({ $0.isNumber(in: 0...Int.max) }) else { return nil }
        if withPre.count == 2 {
            guard
                withPre[1].isList(
                    separatedBy: ".",
                    { part in
                        Self.isIdentifier(part)
                            && (!part.utf8.allSatisfy(\.isDigit) || part.utf8.count == 1
                                || part.utf8.first != 0x30)
                    }
                )
            else { return nil }
        }
        if withBuild.count == 2 {
            guard withBuild[1].isList(separatedBy: ".", Self.isIdentifier) else { return nil }
        }
        self.text = String(version)
    }

    /// What is allowed.
    public static var shape: ValueShape {
        ValueShape(
            name: "version",
            allowed: "a version such as 1.2.3 (semver.org)",
            form: .text(pattern: Pattern.whole(pattern), length: 5...128)
        )
    }

    static let pattern: String = {
        let number = "(?:0|[1-9][0-9]{0,17})"
        let pre = "(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
        let build = "[0-9A-Za-z-]+"
        return
            #"v?\#(number)\.\#(number)\.\#(number)(?:-\#(pre)(?:\.\#(pre))*)?(?:\+\#(build)(?:\.\#(build))*)?"#
    }()

    private static func isIdentifier(_ text: Substring) -> Bool {
        text.consists(of: 1...128) { $0.isAlphanumeric || $0 == UInt8(ascii: "-") }
    }
}

/// The version that a host updates to: one version, or the latest.
public struct VersionLock: TextSetting, Hashable {
    /// The version without a leading `v`, or `latest`.
    public let text: String

    /// Takes a version or `latest`; nil for anything else.
    public init?(_ text: String) {
        guard let version = text == "latest" ? text : SemanticVersion(text)?.text else { return nil }
        self.text = version
    }

    /// What is allowed.
    public static var shape: ValueShape {
        ValueShape(
            name: "version lock",
            allowed: "latest, or a version such as 1.2.3",
            form: .text(pattern: Pattern.whole("latest|\(SemanticVersion.pattern)"), length: 5...128)
        )
    }
}
