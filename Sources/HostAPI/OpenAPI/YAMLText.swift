internal import JSON

/// Writes JSON values as YAML 1.2: block style, texts in double quotes, always the same text for the same value.
///
/// Members of objects stand in the order of `first`, then in that of their names.
struct YAMLText {
    /// Names that stand first in an object, in this order.
    var first: [String] = []

    /// The document.
    func text(of value: JSONValue) -> String {
        var text = ""
        write(value, indentation: 0, isInline: false, to: &text)
        return text
    }

    /// Writes a value; one that is inline continues a line that ends in `:` or `-`.
    private func write(_ value: JSONValue, indentation: Int, isInline: Bool, to text: inout String) {
        switch value {
        case .object(let members) where !members.isEmpty:
            if isInline { text += "\n" }
            for (name, member) in sorted(members) {
                text += spaces(indentation) + Self.key(name) + ":"
                write(member, indentation: indentation + 2, isInline: true, to: &text)
            }
        case .array(let elements) where !elements.isEmpty:
            if isInline { text += "\n" }
            for element in elements {
                var item = ""
                write(element, indentation: indentation + 2, isInline: false, to: &item)
                // The first line of an object or array inside stands behind its dash.
                text += spaces(indentation) + "- " + item.drop { $0 == " " }
            }
        default: text += (isInline ? " " : "") + Self.scalar(value) + "\n"
        }
    }

    private func spaces(_ count: Int) -> String { String(repeating: " ", count: count) }

    private func sorted(_ members: [String: JSONValue]) -> [(key: String, value: JSONValue)] {
        func rank(_ name: String) -> Int { first.firstIndex(of: name) ?? first.count }
        return members.sorted { left, right in
            let (leftRank, rightRank) = (rank(left.key), rank(right.key))
            return leftRank == rightRank ? left.key < right.key : leftRank < rightRank
        }
    }

    private static func scalar(_ value: JSONValue) -> String {
        switch value {
        case .string(let text): quoted(text)
        // YAML 1.1 readers take "1e+20" for a text: they want a dot.
        case .number(let number) where !"\(number)".contains("."):
            "\(number)".split(separator: "e").joined(separator: ".0e")
        // Empty objects and arrays, numbers, truth values and null are written as in JSON.
        default: value.description
        }
    }

    private static func key(_ name: String) -> String {
        let isPlain =
            name.utf8.allSatisfy {
                switch $0 {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "$"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: false
                }
            } && name.unicodeScalars.first?.properties.isAlphabetic == true
        return isPlain && !reserved.contains(name.lowercased()) ? name : quoted(name)
    }

    /// Words that YAML 1.1 or 1.2 read as something else than a text.
    private static let reserved: Set<String> = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"]

    /// A JSON string, with those characters escaped that YAML does not let stand.
    private static func quoted(_ text: String) -> String {
        var result = ""
        for scalar in JSONValue.quoted(text).unicodeScalars {
            switch scalar {
            case "\u{80}"..."\u{9f}", "\u{feff}", "\u{fffe}", "\u{ffff}":
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
