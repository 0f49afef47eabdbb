/// The name of one setting, such as `settings.network.hostname`: a path through the settings document.
///
/// Segments of letters, digits, `-` and `_` stand as they are; any other segment is written in double quotes, as in
/// `settings.kernel.sysctl."net.ipv4.ip_forward"`. The leading `settings.` may be left out when a key is read.
public struct SettingKey: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The longest text of a key, in bytes.
    public static let maximumLength = 1024
    /// The word that every key begins with.
    public static let root = "settings"

    /// The names on the path, without the leading `settings`; empty for the document as a whole.
    public let segments: [String]

    /// A key of names that are known to be good.
    public init(_ segments: [String]) { self.segments = segments }

    /// Reads a key or a prefix of keys.
    ///
    /// - Throws: `InvalidKey` when it is empty, too long or not spelled as above.
    public init(parsing text: String) throws(InvalidKey) {
        guard text.utf8.count <= Self.maximumLength else {
            throw InvalidKey(
                text: String(text.prefix(60)) + "...",
                reason: "longer than \(Self.maximumLength) bytes"
            )
        }
        var segments: [String] = []
        var rest = Substring(text)
        while true {
            if rest.first == "\"" {
                rest.removeFirst()
                guard let end = rest.firstIndex(of: "\"") else {
                    throw InvalidKey(text: text, reason: "a quote is not closed")
                }
                segments.append(String(rest[..<end]))
                rest = rest[rest.index(after: end)...]
                guard rest.isEmpty || rest.first == "." else {
                    throw InvalidKey(text: text, reason: "a quoted part ends before '\(rest.prefix(1))'")
                }
            } else {
                let name = rest.prefix { $0 != "." }
                guard Self.isPlain(name) else {
                    throw InvalidKey(
                        text: text,
                        reason: "'\(name)' has other characters: put it in double quotes"
                    )
                }
                segments.append(String(name))
                rest = rest[name.endIndex...]
            }
            guard segments.last?.isEmpty == false else {
                throw InvalidKey(text: text, reason: "a part of it is empty")
            }
            if rest.isEmpty { break }
            rest.removeFirst()
        }
        if segments.first == Self.root { segments.removeFirst() }
        self.segments = segments
    }

    /// The key as it is written, with the leading `settings`.
    public var description: String {
        ([Self.root] + segments.map { Self.isPlain($0) && !$0.isEmpty ? $0 : "\"\($0)\"" })
            .joined(separator: ".")
    }

    /// The key of something inside of this one.
    public func appending(_ segment: String) -> SettingKey { SettingKey(segments + [segment]) }

    /// Whether the key is the other one, or lies inside of it.
    public func isInside(_ other: SettingKey) -> Bool { segments.starts(with: other.segments) }

    /// Orders keys by their segments.
    public static func < (left: SettingKey, right: SettingKey) -> Bool {
        left.segments.lexicographicallyPrecedes(right.segments)
    }

    private static func isPlain(_ name: some StringProtocol) -> Bool {
        name.utf8.allSatisfy { $0.isAlphanumeric || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") }
    }
}

/// A text that is no key of a setting.
public struct InvalidKey: Error, Equatable, CustomStringConvertible {
    /// What was written.
    public let text: String
    /// What is wrong with it.
    public let reason: String

    /// What is wrong, with which key, and what a key looks like.
    public var description: String {
        "'\(text)' is not the key of a setting: \(reason); a key looks like settings.network.hostname"
    }
}
