internal import JSON

/// Walks a JSON document along the shape of the model and sorts good values from bad ones.
struct Sieve {
    private(set) var values: [SettingKey: JSONValue] = [:]
    private(set) var reader = SettingReader()

    /// Takes the value of a key: groups and maps apart, everything else as one value.
    mutating func take(_ json: JSONValue, at key: SettingKey, as type: ValueType) {
        switch (type.shape.form, json.members) {
        case (.group(let fields), let members?):
            let fields = Dictionary(uniqueKeysWithValues: fields.map { ($0.name, $0) })
            for (name, member) in members.sorted(by: { $0.key < $1.key }) {
                let inner = key.appending(name)
                if let field = fields[name] {
                    take(member, at: inner, as: field.type)
                } else {
                    let known = fields.keys.sorted().joined(separator: ", ")
                    refuse(inner, nil, allowed: "there is no such setting; here there is: \(known)")
                }
            }
        case (.map(let name, let value, let maximumCount), let members?):
            guard members.count <= maximumCount else {
                return refuse(key, nil, allowed: "at most \(maximumCount) entries")
            }
            for (text, member) in members.sorted(by: { $0.key < $1.key }) {
                let inner = key.appending(text)
                var probe = SettingReader()
                if name.check(.string(text), &probe) == nil || text.contains("\"") {
                    refuse(inner, nil, allowed: "the name must be \(name.shape.allowed)")
                } else {
                    take(member, at: inner, as: value)
                }
            }
        default:
            reader.at(key) { reader in
                if let value = type.check(json, &reader) { values[key] = value }
            }
        }
    }

    private mutating func refuse(_ key: SettingKey, _ value: JSONValue?, allowed: String) {
        reader.at(key) { $0.refuse(value, allowed: allowed) }
    }
}
