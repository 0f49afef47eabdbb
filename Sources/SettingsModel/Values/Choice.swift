/// A setting that is one of a few words.
public protocol ChoiceSetting: TextSetting, CaseIterable, RawRepresentable, Hashable
where RawValue == String {
    /// The name of the type in the reference.
    static var name: String { get }
    /// Other spellings that are taken for one of the words.
    static var aliases: [String: Self] { get }
}

extension ChoiceSetting {
    /// There is one spelling.
    public static var aliases: [String: Self] { [:] }

    /// The word.
    public var text: String { rawValue }

    /// Takes one of the words; nil for any other text.
    public init?(_ text: String) {
        guard let value = Self(rawValue: text) ?? Self.aliases[text] else { return nil }
        self = value
    }

    /// What is allowed.
    public static var shape: ValueShape {
        let words = allCases.map(\.rawValue)
        let spelled = words.map { $0.isEmpty ? "an empty text" : $0 }
        return ValueShape(
            name: name,
            allowed: "one of: \(spelled.joined(separator: ", "))",
            form: .choice(words + aliases.keys.sorted())
        )
    }
}
