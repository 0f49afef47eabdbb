/// A name that the user gives to something: a container, a command, a bundle of certificates.
///
/// It becomes part of file, unit and container names, so it is what containerd takes for an identifier.
public struct Identifier: TextSetting, Hashable {
    /// The name.
    public let text: String

    /// Takes letters and digits, in parts separated by single hyphens; nil for anything else.
    public init?(_ text: String) {
        guard text.utf8.count <= 63, text.isList(separatedBy: "-", { $0.utf8.allSatisfy(\.isAlphanumeric) })
        else { return nil }
        self.text = text
    }

    /// What is allowed.
    public static var shape: ValueShape {
        ValueShape(
            name: "identifier",
            allowed: "1 to 63 letters and digits, with single '-' between them",
            form: .text(pattern: Pattern.whole("[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*"), length: 1...63)
        )
    }
}

/// The name of a systemd unit with its ending, as in systemd.unit(5).
public struct UnitName: TextSetting, Hashable {
    /// The name.
    public let text: String

    /// Takes a name; nil for anything else.
    public init?(_ text: String) {
        guard let dot = text.lastIndex(of: "."), text.utf8.count <= 255,
            text[..<dot].consists(of: 1...255, { $0.isAlphanumeric || $0.isOne(of: ":-_.\\@") }),
            Self.endings.contains(String(text[text.index(after: dot)...]))
        else { return nil }
        self.text = text
    }

    /// What is allowed.
    public static var shape: ValueShape {
        ValueShape(
            name: "unit",
            allowed: "the name of a systemd unit with its ending, such as containerd.service",
            form: .text(
                pattern: Pattern.whole(#"[A-Za-z0-9:_.\\@-]+\.(?:\#(endings.joined(separator: "|")))"#),
                length: 6...255
            )
        )
    }

    private static let endings = ["service", "socket", "target", "mount", "timer", "path", "device", "swap"]
}
