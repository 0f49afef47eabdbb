public import JSON

/// The name of a kernel parameter below /proc/sys, with dots or slashes between its parts.
public struct SysctlKey: TextSetting, Hashable {
    /// The key, as it was given.
    public let text: String

    /// Takes a key; nil for anything else, and for what could lead out of /proc/sys.
    ///
    /// It may not begin with '-', which sysctl.d(5) takes for "ignore failures" and not for a part of the name.
    public init?(_ text: String) {
        guard text.consists(of: 1...128, { $0.isAlphanumeric || $0.isOne(of: "._-/") }),
            text.utf8.first?.isOne(of: "./-") == false, text.utf8.last?.isOne(of: "./") == false
        else { return nil }
        var previous: UInt8 = 0
        for byte in text.utf8 {
            guard !(byte.isOne(of: "./") && previous.isOne(of: "./")) else { return nil }
            previous = byte
        }
        self.text = text
    }

    /// The file below /proc/sys, as sysctl(8) finds it: where the first separator is a dot, dots and slashes are swapped.
    public var path: String {
        guard text.utf8.first(where: { $0.isOne(of: "./") }) == UInt8(ascii: ".") else { return text }
        return String(text.map { $0 == "." ? "/" : $0 == "/" ? "." : $0 })
    }

    /// What is allowed.
    public static var shape: ValueShape {
        ValueShape(
            name: "sysctl key",
            allowed:
                "the name of a sysctl: 1 to 128 letters, digits, '_' and '-', separated by single '.' or '/', not beginning with '-', as net.ipv4.ip_forward",
            form: .text(
                pattern: Pattern.whole("[A-Za-z0-9_][A-Za-z0-9_-]*(?:[./][A-Za-z0-9_-]+)*"),
                length: 1...128
            )
        )
    }
}

/// The value of a sysctl: a text of one line; a number is taken for its text.
public struct SysctlValue: SettingValue, Hashable {
    /// The text.
    public let text: String

    /// Takes a text of at most 4096 bytes without control characters but tab; nil for any other.
    public init?(_ text: String) {
        guard text.utf8.count <= 4096, text.replacing("\t", with: " ").isSingleLine else { return nil }
        self.text = text
    }

    /// What is allowed.
    public static var shape: ValueShape {
        let allowed = "a text of one line, at most 4096 bytes"
        return ValueShape(
            name: "sysctl value",
            allowed: "\(allowed), or a whole number",
            form: .either([
                ValueShape(
                    name: "sysctl text",
                    allowed: allowed,
                    form: .text(
                        pattern: Pattern.whole(#"[^\u0000-\u0008\u000a-\u001f\u007f-\u009f\u2028\u2029]*"#),
                        length: 0...4096
                    )
                ),
                ValueShape(name: "number", allowed: "a whole number", form: .integer(Int64.min...Int64.max)),
            ])
        )
    }

    /// Reads a text or a whole number.
    public static func read(_ json: JSONValue, _ reader: inout SettingReader) -> SysctlValue? {
        guard let value = (json.string ?? json.integer.map { String($0) }).flatMap({ SysctlValue($0) }) else {
            reader.refuse(json, allowed: shape.allowed)
            return nil
        }
        return value
    }

    /// The text as JSON.
    public var json: JSONValue { .string(text) }
}

/// A sysctl that pods may ask for, or all whose names begin alike: `net.core.somaxconn`, `kernel.shm*`, `net.ipv4.*`.
public struct SysctlPattern: TextSetting, Hashable {
    /// The pattern.
    public let text: String

    /// Takes a key, or the beginning of one and `*`; nil for anything else.
    public init?(_ text: String) {
        var key = text[...]
        if key.utf8.last == UInt8(ascii: "*") {
            key = key.dropLast()
            if key.utf8.last?.isOne(of: "./") == true { key = key.dropLast() }
        }
        guard SysctlKey(String(key)) != nil else { return nil }
        self.text = text
    }

    /// What is allowed.
    public static var shape: ValueShape {
        ValueShape(
            name: "sysctl pattern",
            allowed: "the name of a sysctl, or the beginning of one and '*': kernel.shm*, net.ipv4.*",
            form: .text(
                pattern: Pattern.whole(#"[A-Za-z0-9_][A-Za-z0-9_-]*(?:[./][A-Za-z0-9_-]+)*(?:[./]?\*)?"#),
                length: 1...130
            )
        )
    }
}
