internal import JSON

extension SettingsReference {
    /// docs/settings.md: each group with its settings, what is allowed, and user data that sets all of them.
    public static var markdown: String {
        var text = introduction
        for field in Settings.fields.map(\.description) {
            text += "- [`\(field.name)`](#\(field.name)): \(field.summary)\n"
        }
        for field in Settings.fields.map(\.description) { text += section(field) }
        return text
    }

    private static let introduction = """
        # Settings

        <!-- Made from Sources/SettingsModel by `make docs`. Change the model, not this page. -->

        Everything that can be configured on a host. A setting is read and written through the API by its key:

        ```
        apiclient get settings.motd
        apiclient set motd="hello"
        apiclient unset motd
        ```

        and given at first boot as user data in TOML, in which all tables are inside of `settings`. The examples below are
        such user data. Words in `<angle brackets>` are names that you choose, or choose from a list; a name with other
        characters than letters, digits, `-` and `_` is written in double quotes: `kernel.sysctl."net.ipv4.ip_forward"`.

        What is not allowed is refused, with the key, the value and what is allowed; `bulkhead settings check FILE` says so
        before a host does. Values marked *secret* are never shown in logs, events and reports. The same rules for programs
        are in [settings.schema.json](settings.schema.json) (JSON Schema 2020-12).


        """

    private static func section(_ field: FieldDescription) -> String {
        let entries = entries(of: field, at: [])
        var text = "\n## \(field.name)\n\n\(field.summary)\n\n"
        text += "| Setting | What it is | What is allowed | Example |\n| --- | --- | --- | --- |\n"
        for entry in entries {
            text += row(entry.key, entry.field, entry.allowed, entry.example)
            for inner in parts(entry.field.type.shape) {
                text += row(
                    "\(entry.key)[].\(inner.name)",
                    inner,
                    escaped(inner.type.shape.allowed),
                    inner.example ?? .null
                )
            }
        }
        return text + "\n```toml\n\(TOMLText.userData(entries))```\n"
    }

    private static func row(
        _ key: String,
        _ field: FieldDescription,
        _ allowed: String,
        _ example: JSONValue
    ) -> String {
        let summary =
            field.summary + (field.isSecret ? " *Secret.*" : "") + (field.isRequired ? " *Required.*" : "")
        let cells = ["`\(key)`", summary, allowed, "`\(shortened(example.description))`"]
        return "| \(cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ")) |\n"
    }

    /// The settings of each element of a list of groups.
    private static func parts(_ shape: ValueShape) -> [FieldDescription] {
        switch shape.form {
        case .list(let element, _):
            guard case .group(let fields) = element.form else { return [] }
            return fields
        case .either(let shapes): return shapes.map(parts).first { !$0.isEmpty } ?? []
        default: return []
        }
    }

    /// Text in which nothing is taken for Markdown or HTML.
    fileprivate static func escaped(_ text: String) -> String {
        String(text.flatMap { "\\`*_<>[]".contains($0) ? ["\\", $0] : [$0] })
    }

    private static func shortened(_ text: String) -> String {
        text.count <= 60 ? text : text.prefix(57) + "..."
    }
}

extension SettingsReference.Entry {
    /// The key as the reference writes it: `host-containers.<name>.source`.
    fileprivate var key: String {
        path.map { step in
            switch step {
            case .name(let name): name
            case .choice: "<name>"
            }
        }
        .joined(separator: ".")
    }

    /// What is allowed for the value, and for the name where the entry is one of a map of values.
    fileprivate var allowed: String {
        guard case .map(let name, let value, _) = field.type.shape.form else {
            return SettingsReference.escaped(field.type.shape.allowed)
        }
        return SettingsReference.escaped("\(value.shape.allowed); the name: \(name.shape.allowed)")
    }
}
