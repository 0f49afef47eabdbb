import JSON
import SettingsModel

extension PendingTransaction {
    /// The content of the file.
    var json: JSONValue {
        let changes = changes.map { key, change -> (String, JSONValue) in
            switch change {
            case .set(let value, let strength):
                (SettingsDocument.text(of: key), ["set": value, "strength": .string(strength.rawValue)])
            case .delete: (SettingsDocument.text(of: key), ["delete": true])
            }
        }
        return ["changes": .object(Dictionary(changes) { $1 }), "id": .string(id), "name": .string(name)]
    }

    init(json: JSONValue) throws(DocumentFault) {
        guard let name = json["name"]?.string, let id = json["id"]?.string, !id.isEmpty,
            let members = json["changes"]?.members
        else { throw .damaged("it is not a pending transaction") }
        self.init(name: name, id: id, changes: [:])
        for (text, member) in members {
            let key = try SettingsDocument.key(of: text)
            if let value = member["set"], let word = member["strength"]?.string,
                let strength = Strength(rawValue: word)
            {
                changes[key] = .set(value, strength)
            } else if member["delete"]?.bool == true {
                changes[key] = .delete
            } else {
                throw .damaged("the change of '\(text.prefix(60))' can't be read")
            }
        }
    }

    /// A new id: 128 random bits in hexadecimal digits.
    static func newID() -> String {
        (0..<2).map { _ in
            let text = String(UInt64.random(in: .min ... .max), radix: 16)
            return String(repeating: "0", count: 16 - text.count) + text
        }.joined()
    }

    /// Lays changes over the ones there are; the later one of a key counts.
    mutating func add(_ new: [SettingKey: Change]) {
        let deleted = Set(new.compactMap { $0.value == .delete ? $0.key : nil })
        if !deleted.isEmpty { changes = changes.filter { !$0.key.isCovered(by: deleted) } }
        changes.merge(new) { $1 }
    }

    /// Keys whose pending change takes everything away at or inside of them.
    var deletedKeys: Set<SettingKey> { Set(changes.compactMap { $0.value == .delete ? $0.key : nil }) }

    /// Makes the changes to the layers: first what is deleted, then what is set.
    func apply(to layers: inout Layers) {
        let deleted = deletedKeys
        if !deleted.isEmpty {
            layers.strong.values = layers.strong.values.filter { !$0.key.isCovered(by: deleted) }
            layers.weak.values = layers.weak.values.filter { !$0.key.isCovered(by: deleted) }
        }
        for (key, change) in changes {
            switch change {
            case .set(let value, .strong):
                layers.strong.values[key] = value
                layers.weak.values[key] = nil
            // A strong value that was committed meanwhile by others stays; a weak one below it says nothing.
            case .set(let value, .weak):
                if layers.strong.values[key] == nil { layers.weak.values[key] = value }
            case .delete: break
            }
        }
    }
}

extension SettingKey {
    /// Whether the key is one of others or lies inside of one; quick also for thousands of them.
    func isCovered(by others: Set<SettingKey>) -> Bool {
        (0...segments.count).contains { others.contains(SettingKey(Array(segments.prefix($0)))) }
    }

    /// Whether the key lies inside of one of others.
    func isStrictlyInside(_ others: Set<SettingKey>) -> Bool {
        (0..<segments.count).contains { others.contains(SettingKey(Array(segments.prefix($0)))) }
    }
}
