public import JSON

/// A whole percentage, given as a number or as its text (kubelet's documentation shows both) and stored as a number.
public struct Percentage: SettingValue, Hashable {
    /// From 0 to 100.
    public let value: Int64

    /// Takes a percentage; nil for any other number.
    public init?(_ value: Int64) {
        guard (0...100).contains(value) else { return nil }
        self.value = value
    }

    /// What is allowed.
    public static var shape: ValueShape {
        let number = "a whole number from 0 to 100"
        return ValueShape(
            name: "percentage",
            allowed: "\(number), or its text",
            form: .either([
                ValueShape(name: "percentage as a number", allowed: number, form: .integer(0...100)),
                ValueShape(
                    name: "percentage as text",
                    allowed: "the text of \(number)",
                    form: .text(pattern: Pattern.whole("100|[1-9]?[0-9]"), length: 1...3)
                ),
            ])
        )
    }

    /// Reads a number or a text.
    public static func read(_ json: JSONValue, _ reader: inout SettingReader) -> Percentage? {
        let text = json.string.flatMap { $0.isNumber(in: 0...100) ? Int64($0) : nil }
        guard let value = (json.integer ?? text).flatMap({ Percentage($0) }) else {
            reader.refuse(json, allowed: shape.allowed)
            return nil
        }
        return value
    }

    /// The percentage as a number.
    public var json: JSONValue { .integer(value) }
}
