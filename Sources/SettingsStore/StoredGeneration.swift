import JSON
import SettingsModel

/// A generation as it lies on the disk: in the form of its writer, and in the forms of older versions.
///
/// An old version can't know how to undo what a newer one changed; the writer knows both, so it writes both
/// (docs/decisions/0005-generations-carry-older-forms.md).
struct StoredGeneration: Equatable {
    /// The generation, its layers as `generation.schemaVersion` has them.
    var generation: Generation
    /// The oldest version that reads the layers as they are.
    var readableSince: Int
    /// The layers for versions below `readableSince`.
    var older: [Int: Layers]

    /// A generation in the current form, with the forms that older versions need.
    init(_ generation: Generation, migrations: MigrationGraph) {
        self.generation = generation
        self.generation.schemaVersion = migrations.current
        readableSince = migrations.current
        older = [:]
        for version in stride(from: migrations.current - 1, through: MigrationGraph.oldest, by: -1) {
            let form = generation.layers.map { migrations.migrate($0, from: migrations.current, to: version) }
            guard let form else { continue }
            if form == generation.layers, readableSince == version + 1 {
                readableSince = version
            } else {
                older[version] = form
            }
        }
    }

    /// The generation as the running version sees it.
    ///
    /// - Returns: the generation, and what could not be kept, in words.
    func interpreted(_ options: StoreOptions) -> (generation: Generation, warnings: [String]) {
        var generation = generation
        var warnings: [String] = []
        let own = options.migrations.current
        let written = generation.schemaVersion
        let (layers, note) = form(for: own, options.migrations)
        if let note {
            warnings.append("generation \(generation.number) (settings version \(written)): \(note)")
        }
        generation.layers = Layers(
            strong: options.check(layers.strong),
            weak: options.check(layers.weak),
            defaults: options.check(layers.defaults)
        )
        // Defaults come from the image at every boot; one that is gone is nothing that anybody set.
        let lost = Set(layers.strong.values.keys).subtracting(generation.strong.values.keys)
            .union(Set(layers.weak.values.keys).subtracting(generation.weak.values.keys))
        if !lost.isEmpty {
            let names = lost.sorted().prefix(StoreLimits.keysInWarning).map(\.description)
            let more = lost.count > names.count ? " and \(lost.count - names.count) more" : ""
            warnings.append(
                """
                generation \(generation.number) (settings version \(written)): not in force, because this version \
                does not know or allow it: \(names.joined(separator: ", "))\(more)
                """
            )
        }
        return (generation, warnings)
    }

    private func form(for own: Int, _ migrations: MigrationGraph) -> (Layers, note: String?) {
        let written = generation.schemaVersion
        let layers = generation.layers
        if written == own || written > own && readableSince <= own { return (layers, nil) }
        if written < own {
            if let form = layers.map({ migrations.migrate($0, from: written, to: own) }) {
                return (form, nil)
            }
            return (layers, "there is no migration to version \(own): what it can read of it is in force")
        }
        if let form = older[own] { return (form, nil) }
        for version in older.keys.filter({ $0 < own }).sorted(by: >) {
            if let form = older[version]?.map({ migrations.migrate($0, from: version, to: own) }) {
                return (form, nil)
            }
        }
        let nearest = older.keys.filter { $0 > own }.min().flatMap { older[$0] } ?? layers
        return (nearest, "it has no form for version \(own): what this version can read of it is in force")
    }
}

extension StoredGeneration {
    /// The content of the file.
    var json: JSONValue {
        var members: [String: JSONValue] = [
            "author": [
                "group": .integer(Int64(generation.author.group)),
                "process": .integer(Int64(generation.author.process)),
                "program": .string(generation.author.program),
                "user": .integer(Int64(generation.author.user)),
            ],
            "layers": Self.json(generation.layers),
            "number": .integer(Int64(clamping: generation.number)),
            "osVersion": .string(generation.osVersion),
            "readableSince": .integer(Int64(readableSince)),
            "reason": .string(generation.reason.rawValue),
            "schemaVersion": .integer(Int64(generation.schemaVersion)),
            "time": .integer(generation.time),
            "transaction": .string(generation.transaction),
        ]
        if !older.isEmpty {
            members["older"] = .object(
                Dictionary(uniqueKeysWithValues: older.map { (String($0.key), Self.json($0.value)) })
            )
        }
        if let trial = generation.trial {
            members["trial"] = [
                "deadline": .integer(trial.deadline),
                "previous": .integer(Int64(clamping: trial.previous)),
                "seconds": .integer(trial.seconds),
            ]
        }
        return .object(members)
    }

    /// Reads the content of a file whose digest is right; what is missing then is the fault of its writer.
    init(json: JSONValue) throws(DocumentFault) {
        func integer<Number: FixedWidthInteger>(_ name: String, _ json: JSONValue?) throws(DocumentFault)
            -> Number
        {
            guard let number = json?[name]?.integer.flatMap({ Number(exactly: $0) }) else {
                throw .damaged("'\(name)' is missing or no number of its range")
            }
            return number
        }
        func text(_ name: String, _ json: JSONValue?) throws(DocumentFault) -> String {
            guard let text = json?[name]?.string else { throw .damaged("'\(name)' is missing or no text") }
            return text
        }
        let author = json["author"]
        let layers = try Self.layers(json["layers"])
        // A reason that a later version made up: the settings count, not the word.
        let reason = Generation.Reason(rawValue: try text("reason", json)) ?? .commit
        var trial: Generation.Trial?
        if let json = json["trial"] {
            let seconds: Int64 = try integer("seconds", json)
            trial = Generation.Trial(
                deadline: try integer("deadline", json),
                seconds: min(
                    max(seconds, StoreLimits.trialSeconds.lowerBound),
                    StoreLimits.trialSeconds.upperBound
                ),
                previous: try integer("previous", json)
            )
        }
        generation = Generation(
            number: try integer("number", json),
            time: try integer("time", json),
            osVersion: try text("osVersion", json),
            schemaVersion: try integer("schemaVersion", json),
            author: Generation.Author(
                user: try integer("user", author),
                group: try integer("group", author),
                process: try integer("process", author),
                program: try text("program", author)
            ),
            reason: reason,
            strong: layers.strong,
            weak: layers.weak,
            defaults: layers.defaults,
            trial: trial,
            transaction: try text("transaction", json)
        )
        readableSince = try integer("readableSince", json)
        older = [:]
        for (text, form) in json["older"]?.members ?? [:] {
            guard let version = Int(text) else { throw .damaged("'\(text.prefix(60))' is no version") }
            older[version] = try Self.layers(form)
        }
    }

    private static func json(_ layers: Layers) -> JSONValue {
        ["defaults": layers.defaults.flat, "strong": layers.strong.flat, "weak": layers.weak.flat]
    }

    private static func layers(_ json: JSONValue?) throws(DocumentFault) -> Layers {
        Layers(
            strong: try SettingsDocument(flat: json?["strong"]),
            weak: try SettingsDocument(flat: json?["weak"]),
            defaults: try SettingsDocument(flat: json?["defaults"])
        )
    }
}
