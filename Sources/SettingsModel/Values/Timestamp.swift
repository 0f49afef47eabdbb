/// A moment by RFC 3339, the Internet's profile of ISO 8601: `2026-11-21T10:00:00Z`.
public struct Timestamp: TextSetting, Hashable {
    /// The moment, as it was given.
    public let text: String

    /// Takes a date, a time and an offset; nil for anything else, and for days that no calendar has.
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard (20...35).contains(bytes.count), bytes[4] == 0x2d, bytes[7] == 0x2d,
            bytes[10].isOne(of: "Tt"), bytes[13] == 0x3a, bytes[16] == 0x3a,
            let year = Self.number(bytes[0..<4]), let month = Self.number(bytes[5..<7]),
            let day = Self.number(bytes[8..<10]), let hour = Self.number(bytes[11..<13]),
            let minute = Self.number(bytes[14..<16]), let second = Self.number(bytes[17..<19]),
            (1...12).contains(month), (1...Self.days(month, year)).contains(day), hour <= 23, minute <= 59,
            second <= 60
        else { return nil }
        var rest = bytes[19...]
        if rest.first == UInt8(ascii: ".") {
            let digits = rest.dropFirst().prefix(while: \.isDigit)
            guard (1...9).contains(digits.count) else { return nil }
            rest = rest[digits.endIndex...]
        }
        guard Self.isOffset(rest) else { return nil }
        self.text = text
    }

    /// What is allowed.
    public static var shape: ValueShape {
        ValueShape(
            name: "time",
            allowed: "a time by RFC 3339, such as 2026-11-21T10:00:00Z or 2026-11-21T11:00:00+01:00",
            form: .text(
                pattern: Pattern.whole(
                    #"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])[Tt](?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]{1,9})?(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"#
                ),
                length: 20...35
            )
        )
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
        guard digits.allSatisfy(\.isDigit) else { return nil }
        return digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    }

    private static func days(_ month: Int, _ year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    private static func isOffset(_ bytes: ArraySlice<UInt8>) -> Bool {
        let bytes = Array(bytes)
        if bytes.count == 1 { return bytes[0].isOne(of: "Zz") }
        guard bytes.count == 6, bytes[0].isOne(of: "+-"), bytes[3] == 0x3a, let hour = number(bytes[1..<3]),
            let minute = number(bytes[4..<6])
        else { return false }
        return hour <= 23 && minute <= 59
    }
}
