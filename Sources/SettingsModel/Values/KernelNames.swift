/// The name of a kernel module; '-' and '_' are the same to the kernel, and both are kept as they were given.
public struct KernelModuleName: TextSetting, Hashable {
    /// The name.
    public let text: String

    /// Takes a name; nil for anything else.
    public init?(_ text: String) {
        guard text.consists(of: 1...56, { $0.isAlphanumeric || $0.isOne(of: "-_") }),
            text.utf8.first?.isAlphanumeric == true
        else { return nil }
        self.text = text
    }

    /// What is allowed.
    public static var shape: ValueShape {
        ValueShape(
            name: "kernel module",
            allowed:
                "the name of a kernel module: 1 to 56 letters, digits, '-' and '_', beginning with a letter or digit",
            form: .text(pattern: Pattern.whole("[A-Za-z0-9][A-Za-z0-9_-]{0,55}"), length: 1...56)
        )
    }
}

/// The name of a parameter of the kernel or of init on the kernel's command line.
public struct BootParameterName: TextSetting, Hashable {
    /// The name.
    public let text: String

    /// Takes words of letters, digits, '-' and '_', separated by dots; nil for anything else.
    public init?(_ text: String) {
        guard text.utf8.count <= 128,
            text.isList(
                separatedBy: ".",
                { $0.utf8.allSatisfy { $0.isAlphanumeric || $0.isOne(of: "-_") } }
            )
        else { return nil }
        self.text = text
    }

    /// What is allowed.
    public static var shape: ValueShape {
        ValueShape(
            name: "boot parameter",
            allowed: "words of letters, digits, '-' and '_', separated by dots, 128 characters at most",
            form: .text(pattern: Pattern.whole(#"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*"#), length: 1...128)
        )
    }
}

/// A value of a parameter on the kernel's command line.
public struct BootParameterValue: TextSetting, Hashable {
    /// The value.
    public let text: String

    /// Takes printable ASCII, not with both kinds of quotes, of which one is needed around it; nil for anything else.
    public init?(_ text: String) {
        guard text.consists(of: 0...1024, { (0x20...0x7e).contains($0) }),
            !(text.utf8.contains(UInt8(ascii: "\"")) && text.utf8.contains(UInt8(ascii: "'")))
        else { return nil }
        self.text = text
    }

    /// What is allowed.
    public static var shape: ValueShape {
        ValueShape(
            name: "value of a boot parameter",
            allowed: "at most 1024 printable ASCII characters, not both \" and '",
            form: .text(pattern: Pattern.whole(#"[ !#-~]*|[ -&(-~]*"#), length: 0...1024)
        )
    }
}
