public import JSON

/// A list for which one element may stand alone; it is stored as a list.
public struct OneOrMany<Element: SettingValue>: SettingValue {
    /// The elements.
    public let elements: [Element]

    /// A list of elements.
    public init(_ elements: [Element]) { self.elements = elements }

    /// What is allowed.
    public static var shape: ValueShape {
        ValueShape(
            name: "\(Element.shape.name), or a list of them",
            allowed: "one or a list; each must be \(Element.shape.allowed)",
            form: .either([[Element].shape, Element.shape])
        )
    }

    /// Reads a list, or one element.
    public static func read(_ json: JSONValue, _ reader: inout SettingReader) -> OneOrMany? {
        if json.elements != nil { return [Element].read(json, &reader).map { OneOrMany($0) } }
        return Element.read(json, &reader).map { OneOrMany([$0]) }
    }

    /// The list as JSON.
    public var json: JSONValue { elements.json }
}
