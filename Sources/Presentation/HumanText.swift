/// Numbers as people read them.
public enum HumanText {
    /// A number of bytes in binary units with three digits: `1.50 MiB`; exact below 1024.
    public static func size(_ bytes: UInt64) -> String {
        if bytes < 1024 { return "\(bytes) B" }
        let units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
        var unit = 0
        var value = Double(bytes) / 1024
        // 1023.95 would be shown as 1024.
        while value >= 1023.95, unit < units.count - 1 {
            value /= 1024
            unit += 1
        }
        let digits = value < 9.995 ? 2 : value < 99.95 ? 1 : 0
        return "\(fixed(value, digits: digits)) \(units[unit])"
    }

    /// A change of a number of bytes, with its sign.
    public static func change(_ old: UInt64, _ new: UInt64) -> String {
        if old == new { return "0" }
        return new > old ? "+\(size(new - old))" : "-\(size(old - new))"
    }

    /// A whole number with a space after every three digits.
    public static func grouped(_ number: UInt64) -> String {
        var text = ""
        for (index, digit) in String(number).reversed().enumerated() {
            if index > 0, index % 3 == 0 { text = " " + text }
            text = String(digit) + text
        }
        return text
    }

    /// A size with its exact number of bytes.
    public static func exactSize(_ bytes: UInt64) -> String {
        bytes < 1024 ? "\(bytes) bytes" : "\(size(bytes)) (\(grouped(bytes)) bytes)"
    }

    /// A number with a noun in singular or plural.
    public static func count(_ number: Int, _ noun: String) -> String {
        "\(grouped(UInt64(max(0, number)))) \(noun)\(number == 1 ? "" : "s")"
    }

    /// A duration in seconds, rounded to a thousandth.
    public static func seconds(_ duration: Duration) -> Double {
        let (seconds, attoseconds) = duration.components
        return (Double(seconds) * 1000 + (Double(attoseconds) / 1e15).rounded()) / 1000
    }

    /// A decimal number with a number of digits behind the point.
    public static func fixed(_ value: Double, digits: Int) -> String {
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        let scaled = UInt64((value * scale).rounded())
        if digits == 0 { return "\(scaled)" }
        let fraction = String(scaled % UInt64(scale))
        return "\(scaled / UInt64(scale))." + String(repeating: "0", count: digits - fraction.count)
            + fraction
    }

    /// Text that came from an image, safe for a terminal: control characters are shown as escapes.
    public static func safe(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate:
                result += "\\u{\(String(scalar.value, radix: 16))}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
