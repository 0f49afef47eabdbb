internal import JSON

/// Writes examples as user data in TOML 1.0.
enum TOMLText {
    /// The tables that set each entry to its example.
    static func userData(_ entries: [SettingsReference.Entry]) -> String {
        var text = ""
        var table: [String]?
        for entry in entries {
            let path = [SettingKey.root] + entry.path.map(\.text)
            guard let name = path.last else { continue }
            let parent = Array(path.dropLast())
            if parent != table {
                text += (table == nil ? "" : "\n") + "[\(parent.map(key).joined(separator: "."))]\n"
                table = parent
            }
            text += "\(key(name)) = \(value(entry.example))\n"
        }
        return text
    }

    private static func key(_ name: String) -> String {
        let isBare = !name.isEmpty && name.utf8.allSatisfy { $0.isAlphanumeric || $0.isOne(of: "-_") }
        return isBare ? name : JSONValue.quoted(name)
    }

    private static func value(_ json: JSONValue) -> String {
        switch json {
        case .array(let elements): "[\(elements.map(value).joined(separator: ", "))]"
        case .object(let members):
            "{ "
                + members.sorted { $0.key < $1.key }.map { "\(key($0.key)) = \(value($0.value))" }
                .joined(separator: ", ") + " }"
        // TOML's basic strings, numbers and truth values are written as JSON's are.
        default: json.description
        }
    }
}

extension SettingsReference.Entry.Step {
    /// The name on the way.
    fileprivate var text: String {
        switch self {
        case .name(let name), .choice(let name): name
        }
    }
}
