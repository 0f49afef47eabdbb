public import JSON

/// Walks a JSON document along the shape of the model and sorts good values from bad ones.
struct Sieve {
    private(set) var values: [SettingKey: JSONValue] = [:]
    private(set) var reader = SettingReader()

    private let limitsMaps: Bool

    /// A sieve; without limits of maps for what was taken before, where a number is no reason to lose it.
    init(limitsMaps: Bool = true) {
        self.limitsMaps = limitsMaps
        reader.hiding = .contents
    }

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
            guard members.count <= maximumCount || !limitsMaps else {
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

extension SettingsDocument {
    /// Takes stored settings apart and keeps the good ones, however many entries a map has: they were acknowledged.
    public static func sift(stored json: JSONValue) -> SettingsDocument {
        var sieve = Sieve(limitsMaps: false)
        sieve.take(json, at: SettingKey([]), as: Settings.type)
        return SettingsDocument(sieve.values)
    }

    /// The first map, in the order of keys, that has more entries than allowed and more than in another document.
    ///
    /// `sift` and `init(checking:)` see one document only; this is for what many of them add up to.
    public func overfullMap(
        grownFrom other: SettingsDocument
    ) -> (key: SettingKey, count: Int, maximumCount: Int)? {
        let before = other.mapSizes
        return mapSizes.filter { $1.count > $1.maximumCount && $1.count > before[$0]?.count ?? 0 }
            .min { $0.key < $1.key }
            .map { ($0.key, $0.value.count, $0.value.maximumCount) }
    }

    private var mapSizes: [SettingKey: (count: Int, maximumCount: Int)] {
        var maps: [SettingKey: (names: Set<String>, maximumCount: Int)] = [:]
        for key in values.keys {
            var type = Settings.type
            walk: for (index, segment) in key.segments.enumerated() {
                switch type.shape.form {
                case .group(let fields):
                    guard let field = fields.first(where: { $0.name == segment }) else { break walk }
                    type = field.type
                case .map(_, let value, let maximumCount):
                    let map = SettingKey(Array(key.segments.prefix(index)))
                    maps[map, default: ([], maximumCount)].names.insert(segment)
                    type = value
                default: break walk
                }
            }
        }
        return maps.mapValues { ($0.names.count, $0.maximumCount) }
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
