/// Times as SPDX writes them.
enum Timestamp {
    /// The last second of the year 9999.
    static let latest: UInt64 = 253_402_300_799

    /// `YYYY-MM-DDThh:mm:ssZ` of seconds since 1970; nil after the year 9999.
    static func format(_ seconds: UInt64) -> String? {
        guard seconds <= latest else { return nil }
        let (year, month, day) = date(ofDay: Int(seconds / 86400))
        let time = Int(seconds % 86400)
        return "\(pad(year, 4))-\(pad(month, 2))-\(pad(day, 2))"
            + "T\(pad(time / 3600, 2)):\(pad(time / 60 % 60, 2)):\(pad(time % 60, 2))Z"
    }

    /// The Gregorian date of a day counted from 1970-01-01.
    ///
    /// The method is Howard Hinnant's `civil_from_days`.
    private static func date(ofDay day: Int) -> (year: Int, month: Int, day: Int) {
        // Years that begin in March have their leap day at the end.
        let shifted = day + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        let dayOfMonth = dayOfYear - (153 * month + 2) / 5 + 1
        let civilMonth = month < 10 ? month + 3 : month - 9
        return (yearOfEra + era * 400 + (civilMonth <= 2 ? 1 : 0), civilMonth, dayOfMonth)
    }

    private static func pad(_ number: Int, _ width: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, width - text.count)) + text
    }
}
