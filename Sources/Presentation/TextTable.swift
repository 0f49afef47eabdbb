/// Lays out rows of cells in aligned columns.
public struct TextTable: Sendable {
    /// On which side a column's cells are filled.
    public enum Alignment: Sendable {
        /// Behind the text.
        case left
        /// Before the text, as for numbers.
        case right
    }

    private let alignments: [Alignment]
    private var rows: [[String]] = []

    /// A table with a row of titles.
    public init(_ columns: [(title: String, alignment: Alignment)]) {
        alignments = columns.map(\.alignment)
        rows = [columns.map(\.title)]
    }

    /// A table without titles.
    public init(alignments: [Alignment]) { self.alignments = alignments }

    /// Adds a row; missing cells are empty.
    public mutating func add(_ cells: String...) { rows.append(cells) }

    /// The table's lines, without spaces at their ends.
    public func lines(indent: Int = 2) -> [String] {
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
