extension JSONValue: CustomStringConvertible {
    /// The shortest text of the value, with the members of objects in order of their names.
    ///
    /// Equal values give equal text, so it can be hashed and compared.
    public var description: String {
        var text = ""
        write(to: &text, indentation: nil)
        return text
    }

    /// The text of the value for people: two spaces a level, members in order of their names.
    public var prettyText: String {
        var text = ""
        write(to: &text, indentation: 0)
        return text
    }

    /// The text of a string as JSON writes it, in quotes.
    public static func quoted(_ string: String) -> String {
        var text = ""
        write(string, to: &text)
        return text
    }

    private func write(to text: inout String, indentation: Int?) {
        switch self {
        case .null: text += "null"
        case .bool(let bool): text += bool ? "true" : "false"
        case .integer(let integer): text += String(integer)
        // JSON has no infinities; the parser lets none in.
        case .number(let number): text += number.isFinite ? "\(number)" : "null"
        case .string(let string): Self.write(string, to: &text)
        case .array(let elements):
            Self.write(elements, "[", "]", to: &text, indentation: indentation) {
                element,
                text,
                indentation in
                element.write(to: &text, indentation: indentation)
            }
        case .object(let members):
            let sorted = members.sorted { $0.key < $1.key }
            Self.write(sorted, "{", "}", to: &text, indentation: indentation) { member, text, indentation in
                Self.write(member.key, to: &text)
                text += indentation == nil ? ":" : ": "
                member.value.write(to: &text, indentation: indentation)
            }
        }
    }

    private static func write<Item>(
        _ items: [Item],
        _ open: String,
        _ close: String,
        to text: inout String,
        indentation: Int?,
        _ body: (Item, inout String, Int?) -> Void
    ) {
        text += open
        let inner = indentation.map { $0 + 1 }
        for (index, item) in items.enumerated() {
            if index > 0 { text += "," }
            newLine(inner, &text)
            body(item, &text, inner)
        }
        if !items.isEmpty { newLine(indentation, &text) }
        text += close
    }

    private static func newLine(_ indentation: Int?, _ text: inout String) {
        guard let indentation else { return }
        text += "\n" + String(repeating: "  ", count: indentation)
    }

    private static func write(_ string: String, to text: inout String) {
        text.unicodeScalars.append("\"")
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case "\u{0}"..<"\u{20}", "\u{7f}", "\u{2028}", "\u{2029}":
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: text.unicodeScalars.append(scalar)
            }
        }
        text.unicodeScalars.append("\"")
    }
}
