/// A moment as the API writes it: RFC 3339 in UTC with whole seconds, `2026-01-31T12:00:00Z`.
public struct Timestamp: Sendable, Equatable, Comparable, CustomStringConvertible {
    /// Seconds since 1970-01-01T00:00:00Z, without leap seconds; within the years 0000 to 9999.
    public let seconds: Int64

    /// The moments that RFC 3339 can write: years 0000 to 9999.
    public static let range: ClosedRange<Int64> = -62_167_219_200...253_402_300_799

    /// A moment; one outside of the years 0000 to 9999 becomes the nearest inside.
    public init(seconds: Int64) {
        self.seconds = min(max(seconds, Self.range.lowerBound), Self.range.upperBound)
    }

    /// Reads a moment (RFC 3339, section 5.6); fractions of a second are cut off, nil for anything else.
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard (20...40).contains(bytes.count) else { return nil }
        func number(_ start: Int, _ count: Int) -> Int64? {
            var value: Int64 = 0
            for byte in bytes[start..<start + count] {
                guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
                value = value * 10 + Int64(byte - UInt8(ascii: "0"))
            }
            return value
        }
        func isOne(_ index: Int, of characters: StaticString) -> Bool {
            characters.withUTF8Buffer { $0.contains(bytes[index]) }
        }
        guard isOne(4, of: "-"), isOne(7, of: "-"), isOne(10, of: "Tt "), isOne(13, of: ":"),
            isOne(16, of: ":"),
            let year = number(0, 4), let month = number(5, 2), (1...12).contains(month),
            let day = number(8, 2), (1...Self.days(in: month, of: year)).contains(day),
            let hour = number(11, 2), hour < 24, let minute = number(14, 2), minute < 60,
            let second = number(17, 2), second <= 60
        else { return nil }
        var end = 19
        if isOne(end, of: ".") {
            let digits = bytes[(end + 1)...].prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            guard !digits.isEmpty else { return nil }
            end = digits.endIndex
        }
        var offset: Int64 = 0
        switch bytes.count - end {
        case 1:
            guard isOne(end, of: "Zz") else { return nil }
        case 6:
            guard isOne(end, of: "+-"), isOne(end + 3, of: ":"), let hours = number(end + 1, 2), hours < 24,
                let minutes = number(end + 4, 2), minutes < 60
            else { return nil }
            offset = (hours * 3600 + minutes * 60) * (isOne(end, of: "-") ? -1 : 1)
        default: return nil
        }
        let days = Self.daysFromEpoch(year: year, month: month, day: day)
        // A leap second is read as the second before it: the host's clock has none.
        let time = hour * 3600 + minute * 60 + min(second, 59)
        self.init(seconds: days * 86_400 + time - offset)
    }

    /// The moment: `2026-01-31T12:00:00Z`.
    public var description: String {
        var days = seconds / 86_400
        var rest = seconds % 86_400
        if rest < 0 {
            rest += 86_400
            days -= 1
        }
        let (year, month, day) = Self.date(daysFromEpoch: days)
        return "\(Self.digits(year, 4))-\(Self.digits(month, 2))-\(Self.digits(day, 2))"
            + "T\(Self.digits(rest / 3600, 2)):\(Self.digits(rest / 60 % 60, 2)):\(Self.digits(rest % 60, 2))Z"
    }

    /// Orders moments by time.
    public static func < (left: Timestamp, right: Timestamp) -> Bool { left.seconds < right.seconds }

    private static func digits(_ number: Int64, _ count: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, count - text.count)) + text
    }

    private static func days(in month: Int64, of year: Int64) -> Int64 {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    // The two functions count in years that begin in March, so that the leap day is the last of its year, and in eras
    // of 400 years, 146,097 days each; 719,468 days lie between 0000-03-01 and 1970-01-01.

    private static func daysFromEpoch(year: Int64, month: Int64, day: Int64) -> Int64 {
        let year = month <= 2 ? year - 1 : year
        let era = (year >= 0 ? year : year - 399) / 400
        let yearOfEra = year - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    private static func date(daysFromEpoch days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let days = days + 719_468
        let era = (days >= 0 ? days : days - 146_096) / 146_097
        let dayOfEra = days - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * shifted + 2) / 5 + 1)
    }
}
