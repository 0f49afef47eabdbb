internal import JSON

/// Writes examples as user data in TOML 1.0.
enum TOMLText {
    /// The tables that set each entry to its example; a table may stand only once in TOML.
    static func userData(_ entries: [SettingsReference.Entry]) -> String {
        var tables: [(path: [String], lines: [String])] = []
        for entry in entries {
            let path = [SettingKey.root] + entry.path.map(\.text)
            guard let name = path.last else { continue }
            let parent = Array(path.dropLast())
            let line = "\(key(name)) = \(value(entry.example))"
            if let index = tables.firstIndex(where: { $0.path == parent }) {
                tables[index].lines.append(line)
            } else {
                tables.append((parent, [line]))
            }
        }
        return tables.map {
            "[\($0.path.map(key).joined(separator: "."))]\n\($0.lines.joined(separator: "\n"))\n"
        }
        .joined(separator: "\n")
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
