/// A version as UAPI orders them: `strverscmp_improved()` of systemd.
///
/// https://uapi-group.org/specifications/specs/version_format_specification/. Two texts can be equal without being the
/// same: `1.0` and `1.00` are, and so are `1_a` and `1a`.
public struct UAPIVersion: Sendable, Comparable, CustomStringConvertible {
    /// The version as it was written.
    public let text: String

    /// Takes any text; what is not a letter, a digit or one of `~ - ^ .` only separates.
    public init(_ text: String) { self.text = text }

    /// The version as it was written.
    public var description: String { text }

    /// Whether neither version is newer.
    public static func == (left: UAPIVersion, right: UAPIVersion) -> Bool {
        order(left.text, right.text) == 0
    }

    /// Whether the first version is older.
    public static func < (left: UAPIVersion, right: UAPIVersion) -> Bool { order(left.text, right.text) < 0 }

    /// A negative number if the first version is older, 0 if both are equal, else a positive one.
    static func order(_ left: String, _ right: String) -> Int {
        var left = Substring(left).utf8
        var right = Substring(right).utf8
        while true {
            left = left.drop { !isSignificant($0) }
            right = right.drop { !isSignificant($0) }
            // A pre-release is older than anything, even than the end.
            if let order = orderByPrefix("~", &left, &right) { return order }
            if left.isEmpty || right.isEmpty { return (left.isEmpty ? 0 : 1) - (right.isEmpty ? 0 : 1) }
            for separator: Unicode.Scalar in ["-", "^", "."] {
                if let order = orderByPrefix(separator, &left, &right) { return order }
            }
            let bothAlphabetic = !(left.first.map(isDigit) ?? false) && !(right.first.map(isDigit) ?? false)
            let (first, second) =
                bothAlphabetic
                ? (left.prefix(while: isLetter), right.prefix(while: isLetter))
                : (left.prefix(while: isDigit), right.prefix(while: isDigit))
            let order = bothAlphabetic ? orderOfWords(first, second) : orderOfNumbers(first, second)
            if order != 0 { return order }
            left = left.dropFirst(first.count)
            right = right.dropFirst(second.count)
        }
    }

    private typealias Text = Substring.UTF8View

    /// Removes a prefix that both have; if only one has it, that one is older.
    private static func orderByPrefix(
        _ prefix: Unicode.Scalar,
        _ left: inout Text,
        _ right: inout Text
    ) -> Int? {
        let byte = UInt8(ascii: prefix)
        switch (left.first == byte, right.first == byte) {
        case (true, true):
            left = left.dropFirst()
            right = right.dropFirst()
            return nil
        case (true, false): return -1
        case (false, true): return 1
        case (false, false): return nil
        }
    }

    private static func orderOfNumbers(_ left: Text, _ right: Text) -> Int {
        // A number is newer than no number.
        if left.isEmpty != right.isEmpty { return left.isEmpty ? -1 : 1 }
        let left = left.drop { $0 == UInt8(ascii: "0") }
        let right = right.drop { $0 == UInt8(ascii: "0") }
        if left.count != right.count { return left.count - right.count }
        return orderOfBytes(left, right)
    }

    private static func orderOfWords(_ left: Text, _ right: Text) -> Int {
        let order = orderOfBytes(left, right)
        return order != 0 ? order : left.count - right.count
    }

    /// The order of the first bytes that differ; 0 if one text starts with the other.
    private static func orderOfBytes(_ left: Text, _ right: Text) -> Int {
        for (first, second) in zip(left, right) where first != second { return first < second ? -1 : 1 }
        return 0
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }

    private static func isSignificant(_ byte: UInt8) -> Bool {
        isDigit(byte) || isLetter(byte) || "~-^.".utf8.contains(byte)
    }
}
