internal import JSON
internal import SettingsModel

/// Values in the spelling of a file format, so that no value can leave its place in the file.
let encodingHelpers: [String: Helper] = [
    // `json_encode x`: any value as JSON (RFC 8259), on one line; null when it is not set.
    "json_encode": Helper(1) { .string(($0[0] ?? .null).description) },
    // `toml_encode x`: any value as TOML 1.0, on one line. The value is the same as Bottlerocket's, the spelling may
    // differ: texts are always basic strings with escapes, where Bottlerocket also writes '...' and '''...'''.
    "toml_encode": Helper(1) { arguments throws(HelperError) in
        guard let value = arguments[0] else { throw arguments.refusal(0, "set") }
        return .string(try tomlText(value))
    },
    // `base64_decode x`: the text that the base64 (RFC 4648, section 4) stands for.
    "base64_decode": Helper(1) { arguments throws(HelperError) in
        guard let bytes = Base64Data(try arguments.text(0))?.bytes else {
            throw HelperError("\(arguments.name(0)) is not base64: encode it again")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw HelperError("\(arguments.name(0)) is base64 of something that is no UTF-8 text")
        }
        return .string(text)
    },
    // `interval_seconds x`: an interval such as 1h30m in seconds; not set when x is not set.
    "interval_seconds": Helper(1) { arguments throws(HelperError) in
        guard arguments[0] != nil else { return nil }
        guard let interval = UpdateCheckInterval(try arguments.text(0)) else {
            throw HelperError("\(arguments.name(0)) must be \(UpdateCheckInterval.shape.allowed)")
        }
        return .integer(interval.seconds)
    },
    // `env_quote x`: in double quotes, for files that EnvironmentFile= (systemd.exec(5)) or a POSIX shell reads.
    "env_quote": Helper(1) { arguments throws(HelperError) in
        let text = try oneLine(arguments)
        return .string("\"" + escaped(text, ["\"", "\\", "$", "`"]) + "\"")
    },
    // `unit_quote x`: in double quotes, for settings of units that take quoted words, such as Environment=
    // (systemd.syntax(7)). Not for ExecStart=, where '$' has a meaning.
    "unit_quote": Helper(1) { arguments throws(HelperError) in
        let text = try oneLine(arguments)
        return .string("\"" + escaped(text, ["\"", "\\"]).split("%").joined(separator: "%%") + "\"")
    },
    // `word x`: bare, where a format has words; refuses what is none. Numbers and truth values are words.
    "word": Helper(1) { arguments throws(HelperError) in
        guard let text = try arguments.scalar(0) else { throw arguments.refusal(0, "set") }
        guard isWord(text) else { throw HelperError("\(arguments.name(0)) is \(notAWord)") }
        return .string(text)
    },
    // `one_line x`: bare, where a format takes the rest of a line; refuses control characters, white space at the
    // ends and a backslash at the end, which many formats take for "goes on in the next line".
    "one_line": Helper(1) { arguments throws(HelperError) in
        let text = try oneLine(arguments)
        guard text.last != "\\", text.first?.isWhitespace != true, text.last?.isWhitespace != true else {
            throw HelperError(
                "\(arguments.name(0)) begins or ends with white space, or ends with a backslash: remove it"
            )
        }
        return .string(text)
    },
]

/// What a text is called that can't stand as a word.
let notAWord =
    "not a single word: empty, or with white space, quotes, backslashes, '#', ';' or control characters"

/// Whether a text can stand bare in any line-based format: no space, quote, comment sign, escape or control character.
func isWord(_ text: String) -> Bool {
    !text.isEmpty
        && text.unicodeScalars.allSatisfy { scalar in
            !scalar.properties.isWhitespace && !isControl(scalar)
                && !"\"'`\\#;".unicodeScalars.contains(scalar)
        }
}

private func oneLine(_ arguments: HelperArguments) throws(HelperError) -> String {
    guard let text = try arguments.scalar(0) else { throw arguments.refusal(0, "set") }
    guard !text.unicodeScalars.contains(where: { isControl($0) }) else {
        throw HelperError("\(arguments.name(0)) must be one line without control characters")
    }
    return text
}

/// Control characters of ASCII and Latin-1, and the line and paragraph separators.
func isControl(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value) || scalar.value == 0x2028
        || scalar.value == 0x2029
}

private func escaped(_ text: String, _ special: Set<Unicode.Scalar>) -> String {
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
        if special.contains(scalar) { result.append("\\") }
        result.append(scalar)
    }
    return String(result)
}

extension String {
    fileprivate func split(_ scalar: Unicode.Scalar) -> [String] {
        unicodeScalars.split(separator: scalar, omittingEmptySubsequences: false).map { String($0) }
    }
}

/// A value in the spelling of TOML 1.0.
private func tomlText(_ value: JSONValue) throws(HelperError) -> String {
    switch value {
    case .null: throw HelperError("TOML has no null: leave the setting out")
    // A basic string has JSON's escapes; only DEL is forbidden on top of it, and JSONValue escapes that too.
    case .string(let string): return JSONValue.quoted(string)
    case .bool, .integer, .number: return value.description
    case .array(let elements):
        var texts: [String] = []
        for element in elements { texts.append(try tomlText(element)) }
        return "[" + texts.joined(separator: ", ") + "]"
    case .object(let members):
        guard !members.isEmpty else { return "{}" }
        var texts: [String] = []
        for (name, member) in members.sorted(by: { $0.key < $1.key }) {
            texts.append("\(tomlKey(name)) = \(try tomlText(member))")
        }
        return "{ " + texts.joined(separator: ", ") + " }"
    }
}

private func tomlKey(_ name: String) -> String {
    let isBare =
        !name.isEmpty
        && name.unicodeScalars.allSatisfy {
            "a"..."z" ~= $0 || "A"..."Z" ~= $0 || "0"..."9" ~= $0 || $0 == "-" || $0 == "_"
        }
    return isBare ? name : JSONValue.quoted(name)
}
