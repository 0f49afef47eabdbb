/// Lays out rows of cells in aligned columns.
struct TextTable {
    /// On which side a column's cells are filled.
    enum Alignment { case left, right }

    private let alignments: [Alignment]
    private var rows: [[String]] = []

    /// A table with a row of titles.
    init(_ columns: [(title: String, alignment: Alignment)]) {
        alignments = columns.map(\.alignment)
        rows = [columns.map(\.title)]
    }

    /// A table without titles.
    init(alignments: [Alignment]) { self.alignments = alignments }

    /// Adds a row; missing cells are empty.
    mutating func add(_ cells: String...) { rows.append(cells) }

    /// The table's lines, without spaces at their ends.
    func lines(indent: Int = 2) -> [String] {
        let widths = alignments.indices.map { column in
            rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
        }
        return rows.map { row in
            var line = String(repeating: " ", count: indent)
            for (column, cell) in row.enumerated() where column < widths.count {
                if column > 0 { line += "  " }
                let filling = String(repeating: " ", count: widths[column] - cell.count)
                line += alignments[column] == .right ? filling + cell : cell + filling
            }
            while line.last == " " { line.removeLast() }
            return line
        }
    }
}

/// Numbers as people read them.
enum HumanText {
    /// A number of bytes in binary units with three digits: `1.50 MiB`; exact below 1024.
    static func size(_ bytes: UInt64) -> String {
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
    static func change(_ old: UInt64, _ new: UInt64) -> String {
        if old == new { return "0" }
        return new > old ? "+\(size(new - old))" : "-\(size(old - new))"
    }

    /// A whole number with a space after every three digits.
    static func grouped(_ number: UInt64) -> String {
        var text = ""
        for (index, digit) in String(number).reversed().enumerated() {
            if index > 0, index % 3 == 0 { text = " " + text }
            text = String(digit) + text
        }
        return text
    }

    /// A size with its exact number of bytes.
    static func exactSize(_ bytes: UInt64) -> String {
        bytes < 1024 ? "\(bytes) bytes" : "\(size(bytes)) (\(grouped(bytes)) bytes)"
    }

    /// A number with a noun in singular or plural.
    static func count(_ number: Int, _ noun: String) -> String {
        "\(grouped(UInt64(max(0, number)))) \(noun)\(number == 1 ? "" : "s")"
    }

    /// A decimal number with a number of digits behind the point.
    static func fixed(_ value: Double, digits: Int) -> String {
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        let scaled = UInt64((value * scale).rounded())
        if digits == 0 { return "\(scaled)" }
        let fraction = String(scaled % UInt64(scale))
        return "\(scaled / UInt64(scale))." + String(repeating: "0", count: digits - fraction.count)
            + fraction
    }

    /// Text that came from an image, safe for a terminal: control characters are shown as escapes.
    static func safe(_ text: String) -> String {
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
