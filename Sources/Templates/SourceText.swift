/// The bytes of a template, and the lines in them.
struct SourceText: Sendable {
    let bytes: [UInt8]
    let name: String
    private let lineStarts: [Int]

    init(_ text: String, name: String) {
        let bytes = Array(text.utf8)
        self.bytes = bytes
        self.name = name
        lineStarts = [0] + bytes.indices.filter { bytes[$0] == 0x0a }.map { $0 + 1 }
    }

    func place(at offset: Int) -> Place {
        var low = 0
        var high = lineStarts.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if lineStarts[middle] <= offset { low = middle } else { high = middle }
        }
        return Place(line: low + 1, column: offset - lineStarts[low] + 1)
    }

    func error(_ reason: TemplateError.Reason, at offset: Int) -> TemplateError {
        let place = place(at: offset)
        return TemplateError(reason, template: name, line: place.line, column: place.column)
    }

    func string(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }

    func starts(with text: StaticString, at offset: Int) -> Bool {
        let count = text.utf8CodeUnitCount
        guard offset + count <= bytes.count else { return false }
        return text.withUTF8Buffer { buffer in
            bytes[offset..<offset + count].elementsEqual(buffer)
        }
    }
}

extension UInt8 {
    /// Space, tab, line feed or carriage return.
    var isSpace: Bool { self == 0x20 || self == 0x09 || self == 0x0a || self == 0x0d }
    /// Space or tab.
    var isBlank: Bool { self == 0x20 || self == 0x09 }
}
