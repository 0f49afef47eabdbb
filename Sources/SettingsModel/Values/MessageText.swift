/// A text for people, which may have several lines.
public struct MessageText: TextSetting, Hashable {
    /// The text.
    public let text: String

    /// Takes a text of at most 4096 characters without control characters but tab and line feed.
    public init?(_ text: String) {
        guard text.unicodeScalars.count <= 4096 else { return nil }
        guard
            text.unicodeScalars.allSatisfy({
                $0.value >= 0x20 && !(0x7f...0x9f).contains($0.value) || $0 == "\n" || $0 == "\t"
            })
        else { return nil }
        self.text = text
    }

    /// What is allowed.
    public static var shape: ValueShape {
        ValueShape(
            name: "text",
            allowed: "a text of at most 4096 characters, no control characters but tab and line feed",
            form: .text(
                pattern: Pattern.whole(#"[^\u0000-\u0008\u000b-\u001f\u007f-\u009f]*"#),
                length: 0...4096
            )
        )
    }
}
