import Foundation

/// How numbers and tables are written for people.
enum Text {
    /// Rows in aligned columns; those with the given numbers are aligned to the right.
    static func table(_ head: [String], _ rows: [[String]], numeric: Set<Int> = []) -> String {
        let lines = [head] + rows
        let widths = head.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
        return lines.map { line in
            let cells = line.enumerated().map { column, cell in
                let space = String(repeating: " ", count: widths[column] - cell.count)
                return numeric.contains(column) ? space + cell : cell + space
            }
            let text = cells.joined(separator: "  ")
            return String(text.reversed().drop { $0 == " " }.reversed())
        }.joined(separator: "\n")
    }

    /// A number of bytes with a binary unit: `110.1 MiB`.
    static func size(_ bytes: UInt64) -> String {
        var value = Double(bytes)
        for unit in ["B", "KiB", "MiB", "GiB", "TiB"] {
            if value < 1024 || unit == "TiB" {
                return unit == "B" ? "\(bytes) B" : "\(decimal(value, places: 1)) \(unit)"
            }
            value /= 1024
        }
        return "\(bytes) B"
    }

    /// Seconds with a hundredth.
    static func seconds(_ value: Double) -> String { decimal(value, places: 2) }

    /// A duration in seconds, rounded to a thousandth.
    static func rounded(_ duration: Duration) -> Double {
        let (seconds, attoseconds) = duration.components
        return (Double(seconds) * 1000 + (Double(attoseconds) / 1e15).rounded()) / 1000
    }

    private static func decimal(_ value: Double, places: Int) -> String {
        value.formatted(
            .number.precision(.fractionLength(places)).grouping(.never).locale(Locale(identifier: "C"))
        )
    }
}
