/// A Debian package version, ordered as deb-version(7) says.
public struct DebianVersion: Sendable, Hashable, CustomStringConvertible {
    /// The number before the colon; 0 when there is none.
    public let epoch: UInt32
    /// The part between epoch and revision.
    public let upstream: String
    /// The part after the last hyphen; empty when there is none, which sorts like "0".
    public let revision: String
    /// The version as it was written.
    public let description: String

    /// Reads a version; nil when it is empty, longer than 255 bytes, or has characters Policy 5.6.12 forbids.
    public init?(_ text: String) {
        guard !text.isEmpty, text.utf8.count <= 255 else { return nil }
        var rest = Substring(text)
        var epoch: UInt32 = 0
        if let colon = rest.firstIndex(of: ":") {
            let digits = rest[..<colon]
            guard !digits.isEmpty, digits.utf8.allSatisfy(Self.isDigit), let number = UInt32(digits),
                number <= UInt32(Int32.max)
            else { return nil }
            epoch = number
            rest = rest[rest.index(after: colon)...]
        }
        var revision = Substring()
        if let hyphen = rest.lastIndex(of: "-") {
            revision = rest[rest.index(after: hyphen)...]
            rest = rest[..<hyphen]
            guard !revision.isEmpty else { return nil }
        }
        guard let first = rest.utf8.first, Self.isDigit(first),
            rest.utf8.allSatisfy({ Self.isPlain($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ":") }),
            revision.utf8.allSatisfy(Self.isPlain)
        else { return nil }
        self.epoch = epoch
        self.upstream = String(rest)
        self.revision = String(revision)
        self.description = text
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) && byte < 0x80
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        isDigit(byte) || isLetter(byte) || ".+~".utf8.contains(byte)
    }

    /// Where a byte sorts in a part that is not a number: the tilde before the end, the end before letters,
    /// letters before everything else.
    private static func order(_ byte: UInt8) -> Int {
        if byte == UInt8(ascii: "~") { return -1 }
        return isLetter(byte) ? Int(byte) : Int(byte) + 256
    }

    /// Compares one part of two versions: non-numbers by ``order(_:)``, numbers by value, in turn.
    private static func compare(_ left: String, _ right: String) -> Int {
        var left = Substring(left).utf8
        var right = Substring(right).utf8
        while !left.isEmpty || !right.isEmpty {
            while !(left.first.map(isDigit) ?? true) || !(right.first.map(isDigit) ?? true) {
                let leftOrder = left.first.flatMap { isDigit($0) ? nil : order($0) } ?? 0
                let rightOrder = right.first.flatMap { isDigit($0) ? nil : order($0) } ?? 0
                if leftOrder != rightOrder { return leftOrder < rightOrder ? -1 : 1 }
                left = left.dropFirst()
                right = right.dropFirst()
            }
            let leftNumber = left.prefix(while: isDigit).drop { $0 == UInt8(ascii: "0") }
            let rightNumber = right.prefix(while: isDigit).drop { $0 == UInt8(ascii: "0") }
            // Numbers have no limit of digits, so they are compared as text of known length.
            if leftNumber.count != rightNumber.count { return leftNumber.count < rightNumber.count ? -1 : 1 }
            for (one, other) in zip(leftNumber, rightNumber) where one != other {
                return one < other ? -1 : 1
            }
            left = left.drop(while: isDigit)
            right = right.drop(while: isDigit)
        }
        return 0
    }

    private static func compare(_ left: DebianVersion, _ right: DebianVersion) -> Int {
        if left.epoch != right.epoch { return left.epoch < right.epoch ? -1 : 1 }
        let upstream = compare(left.upstream, right.upstream)
        return upstream != 0 ? upstream : compare(left.revision, right.revision)
    }
}

extension DebianVersion: Comparable {
    /// Whether the left version is older.
    public static func < (left: DebianVersion, right: DebianVersion) -> Bool { compare(left, right) < 0 }

    /// Whether both sort alike: "1.0" and "1.00" do.
    public static func == (left: DebianVersion, right: DebianVersion) -> Bool { compare(left, right) == 0 }

    /// Feeds only what equal versions are sure to share.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(epoch)
    }
}
