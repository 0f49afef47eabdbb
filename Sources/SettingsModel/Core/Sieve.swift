internal import JSON

/// Walks a JSON document along the shape of the model and sorts good values from bad ones.
struct Sieve {
    private(set) var values: [SettingKey: JSONValue] = [:]
    private(set) var reader = SettingReader()

    init() { reader.hiding = .contents }

    /// Takes the value of a key: groups and maps apart, everything else as one value.
    mutating func take(_ json: JSONValue, at key: SettingKey, as type: ValueType) {
        switch (type.shape.form, json.members) {
        case (.group(let fields), let members?):
            let fields = Dictionary(fields.map { ($0.name, $0) }) { first, _ in first }
            for (name, member) in members.sorted(by: { $0.key < $1.key }) {
                let inner = key.appending(name)
                if let field = fields[name] {
                    let outer = reader.hiding
                    reader.hiding = outer.entering(field)
                    take(member, at: inner, as: field.type)
                    reader.hiding = outer
                } else {
                    let known = fields.keys.sorted().joined(separator: ", ")
                    refuse(inner, allowed: "there is no such setting; here there is: \(known)")
                }
            }
        case (.map(let name, let value, let maximumCount), let members?):
            guard members.count <= maximumCount else {
                return refuse(key, allowed: "at most \(maximumCount) entries, not \(members.count)")
            }
            for (text, member) in members.sorted(by: { $0.key < $1.key }) {
                let inner = key.appending(text)
                if let name = name.name(text) {
                    take(member, at: key.appending(name), as: value)
                } else {
                    refuse(inner, allowed: "the name must be \(name.shape.allowed)")
                }
            }
        default:
            reader.at(key) { reader in
                guard let value = type.check(json, &reader) else { return }
                if values.updateValue(value, forKey: key) != nil {
                    reader.refuse(nil, allowed: "it is there twice, in two spellings: keep one")
                }
            }
        }
    }

    private mutating func refuse(_ key: SettingKey, allowed: String) {
        reader.at(key) { $0.refuse(nil, allowed: allowed) }
    }
}

extension ValueType {
    /// The stored form of a text as the name of a map's entry; nil when it is not allowed as a name.
    func name(_ text: String) -> String? {
        var probe = SettingReader()
        guard let name = check(.string(text), &probe)?.string, !name.utf8.contains(UInt8(ascii: "\""))
        else { return nil }
        return name
    }
}
