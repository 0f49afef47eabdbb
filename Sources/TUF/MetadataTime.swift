internal import Glibc

/// A point in time in UTC to the second, as TUF writes it: "2030-01-01T00:00:00Z" (ISO 8601).
public struct MetadataTime: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Seconds since 1970-01-01T00:00:00Z, without leap seconds.
    public let seconds: Int64

    private static let range: ClosedRange<Int64> = -62_135_596_800...253_402_300_799

    /// A time from its seconds since 1970; outside of the years 1 to 9999 the nearest of these.
    public init(seconds: Int64) {
        self.seconds = min(max(seconds, Self.range.lowerBound), Self.range.upperBound)
    }

    /// The system clock's time.
    public static var now: MetadataTime { MetadataTime(seconds: Int64(time(nil))) }

    /// Reads "YYYY-MM-DDTHH:MM:SSZ"; a fraction of a second is read and dropped.
    ///
    /// - Returns: nil for any other text, and for a date or time that does not exist.
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard (20...40).contains(bytes.count), bytes[4] == 0x2d, bytes[7] == 0x2d,
            bytes[10] == UInt8(ascii: "T"), bytes[13] == 0x3a, bytes[16] == 0x3a,
            bytes.last == UInt8(ascii: "Z")
        else { return nil }
        let fraction = bytes[19..<bytes.count - 1]
        guard
            fraction.isEmpty
                || fraction.first == 0x2e && fraction.count > 1 && Self.digits(fraction.dropFirst()) != nil
        else { return nil }
        guard let year = Self.digits(bytes[0..<4]), let month = Self.digits(bytes[5..<7]),
            let day = Self.digits(bytes[8..<10]), let hour = Self.digits(bytes[11..<13]),
            let minute = Self.digits(bytes[14..<16]), let second = Self.digits(bytes[17..<19]),
            year >= 1, (1...12).contains(month), (1...Self.daysInMonth(month, year: year)).contains(day),
            hour < 24, minute < 60, second < 60
        else { return nil }
        let days = Self.days(year: year, month: month, day: day)
        self.init(seconds: days * 86_400 + hour * 3600 + minute * 60 + second)
    }

    /// The text that `init(_:)` reads, without a fraction.
    public var description: String {
        let days = (seconds >= 0 ? seconds : seconds - 86_399) / 86_400
        let rest = seconds - days * 86_400
        let (year, month, day) = Self.date(days: days)
        return "\(Self.padded(year, 4))-\(Self.padded(month, 2))-\(Self.padded(day, 2))"
            + "T\(Self.padded(rest / 3600, 2)):\(Self.padded(rest / 60 % 60, 2)):\(Self.padded(rest % 60, 2))Z"
    }

    /// Whether a time is before another.
    public static func < (left: MetadataTime, right: MetadataTime) -> Bool { left.seconds < right.seconds }

    /// The time some seconds later, or earlier for a negative number.
    public func advanced(by seconds: Int64) -> MetadataTime {
        let (sum, overflow) = self.seconds.addingReportingOverflow(seconds)
        return MetadataTime(seconds: overflow ? (seconds > 0 ? .max : .min) : sum)
    }

    /// A number of at most 18 decimal digits; the value of a longer one is not needed.
    private static func digits(_ bytes: ArraySlice<UInt8>) -> Int64? {
        var value: Int64 = 0
        for byte in bytes {
            guard (0x30...0x39).contains(byte) else { return nil }
            value = value &* 10 &+ Int64(byte - 0x30)
        }
        return value
    }

    private static func daysInMonth(_ month: Int64, year: Int64) -> Int64 {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Days since 1970-01-01 in the proleptic Gregorian calendar, counting years from March.
    private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = shifted / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func date(days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
    }

    private static func padded(_ number: Int64, _ width: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, width - text.count)) + text
    }
}

/// The C library's words for an error number.
func message(of errno: Int32) -> String { String(cString: strerror(errno)) }
