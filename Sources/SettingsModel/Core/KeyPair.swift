public import JSON

extension SettingsDocument {
    /// Reads `key=value` as `PATCH /settings/keypair` and `apiclient set` take it.
    ///
    /// The model says what the value is: a text where the setting is a text (`motd=42` is the text "42"), JSON where it
    /// is something else (`updates.seed=42`, `dns.name-servers=["192.0.2.1"]`). The key ends at the first `=` outside
    /// of double quotes. The value is not checked yet: `set` and `init(checking:)` do that.
    ///
    /// - Throws: `SettingProblem` when there is no `=`, no such key, or the value is no JSON where JSON is needed.
    public static func parseKeyPair(_ text: String) throws(SettingProblem) -> (
        key: SettingKey, value: JSONValue
    ) {
        var isQuoted = false
        let end = text.utf8.firstIndex { byte in
            if byte == UInt8(ascii: "\"") { isQuoted.toggle() }
            return byte == UInt8(ascii: "=") && !isQuoted
        }
        guard let end else {
            // What stands there may be a secret without its key, so only its beginning up to a blank is shown.
            throw SettingProblem(
                key: String(text.prefix { $0 != " " }.prefix(40)),
                value: nil,
                allowed: "a setting is given as key=value, such as motd=hello"
            )
        }
        let name = String(text[..<end])
        let value = String(text[text.utf8.index(after: end)...])
        let key: SettingKey
        do { key = try SettingKey(parsing: name) } catch {
            throw SettingProblem(key: name, value: nil, allowed: error.description)
        }
        guard let type = Settings.type(of: key), !key.segments.isEmpty else {
            throw SettingProblem(key: key.description, value: nil, allowed: noSuchKey(key))
        }
        if let json = type.shape.form.value(ofText: value) { return (key, json) }
        throw SettingProblem(
            key: key.description,
            value: isSecret(key) ? redaction : .string(value),
            allowed: "\(type.shape.allowed); written as JSON"
        )
    }

    /// Reads many `key=value`, keeps the good ones and names the others; of one key given twice the last counts.
    public static func sift(keyPairs: some Sequence<String>) -> (
        good: SettingsDocument, problems: [SettingProblem]
    ) {
        var good = SettingsDocument()
        var problems: [SettingProblem] = []
        for pair in keyPairs {
            do {
                let (key, value) = try parseKeyPair(pair)
                do { try good.set(key, to: value) } catch { problems += error.problems }
            } catch { problems.append(error) }
            guard problems.count < SettingReader.maximumProblems else { break }
        }
        return (good, problems)
    }

    /// Says which part of a key is not there, and what is there instead.
    private static func noSuchKey(_ key: SettingKey) -> String {
        for count in 0..<key.segments.count {
            let known = SettingKey(Array(key.segments.prefix(count)))
            let next = SettingKey(Array(key.segments.prefix(count + 1)))
            guard Settings.type(of: next) == nil, let type = Settings.type(of: known) else { continue }
            return switch type.shape.form {
            case .group(let fields):
                "there is no such setting; \(known) has: "
                    + fields.map(\.name).sorted().joined(separator: ", ")
            case .map(let name, _, _): "the name must be \(name.shape.allowed)"
            default: "there is no such setting; \(known) is one value"
            }
        }
        return "a key leads to one setting, such as settings.network.hostname"
    }
}

extension ValueShape.Form {
    /// What a text on a command line means for a value of this form; nil when it had to be JSON and is not.
    fileprivate func value(ofText text: String) -> JSONValue? {
        switch self {
        case .text, .choice: return .string(text)
        case .either(let shapes):
            let json = try? JSONValue(parsing: text)
            for shape in shapes {
                switch shape.form {
                case .text, .choice: return .string(text)
                case .integer: if json?.integer != nil { return json }
                case .boolean: if json?.bool != nil { return json }
                case .list, .tuple: if json?.elements != nil { return json }
                case .group, .map: if json?.members != nil { return json }
                case .either: if let value = shape.form.value(ofText: text) { return value }
                }
            }
            return json
        default: return try? JSONValue(parsing: text)
        }
    }
}
