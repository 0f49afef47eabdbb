/// A text of one line.
public struct SingleLineText: TextSetting, Hashable {
    /// The text.
    public let text: String

    /// Takes a text of at most 4096 characters without control characters and line separators; nil for any other.
    public init?(_ text: String) {
        guard text.unicodeScalars.count <= 4096, text.isSingleLine else { return nil }
        self.text = text
    }

    /// What is allowed.
    public static var shape: ValueShape {
        ValueShape(
            name: "line of text",
            allowed: "a text of one line, at most 4096 characters, no control characters",
            form: .text(pattern: Pattern.whole(Pattern.singleLine), length: 0...4096)
        )
    }
}

/// A word of a command.
public struct CommandWord: TextSetting, Hashable {
    /// The word.
    public let text: String

    /// Takes a text of at most 16384 characters without NUL, which no argument of a program can hold; nil for any other.
    public init?(_ text: String) {
        guard text.unicodeScalars.count <= 16384, !text.utf8.contains(0) else { return nil }
        self.text = text
    }

    /// What is allowed.
    public static var shape: ValueShape {
        ValueShape(
            name: "word of a command",
            allowed: "a text of at most 16384 characters without NUL",
            form: .text(pattern: Pattern.whole(#"[^\u0000]*"#), length: 0...16384)
        )
    }
}

/// The name of an environment variable (POSIX.1-2017, section 8.1).
public struct EnvironmentName: TextSetting, Hashable {
    /// The name.
    public let text: String

    /// Takes letters, digits and '_', not beginning with a digit; nil for anything else.
    public init?(_ text: String) {
        guard text.consists(of: 1...128, { $0.isAlphanumeric || $0 == UInt8(ascii: "_") }),
            text.utf8.first?.isDigit == false
        else { return nil }
        self.text = text
    }

    /// What is allowed.
    public static var shape: ValueShape {
        ValueShape(
            name: "environment variable",
            allowed: "1 to 128 letters, digits and '_', not beginning with a digit",
            form: .text(pattern: Pattern.whole("[A-Za-z_][A-Za-z0-9_]{0,127}"), length: 1...128)
        )
    }
}
