/// Merges the files of a variant for one architecture.
///
/// Lists append in the order of the files. Of scalars, the file wins that extends the other one; where several
/// files without such a relation set one, they must agree.
struct VariantMerger {
    private let files: [ManifestFile]
    private let extended: [String: [String]]
    private let architecture: Architecture?
    private(set) var problems = ProblemList()

    private(set) var lists: [Setting: [Located<String>]] = [:]
    private(set) var scalars: [String: Located<Scalar>] = [:]
    private(set) var exceptions: [Located<AuditException>] = []

    /// Merges files, what is extended first; with nil for the architecture only what holds for all of them.
    init(files: [ManifestFile], extended: [String: [String]], architecture: Architecture?) {
        self.files = files
        self.extended = extended
        self.architecture = architecture
        mergeLists()
        mergeExceptions()
        mergeScalars()
        checkContradictions()
    }

    /// The merged values of a list.
    func list(_ setting: Setting) -> [String] { (lists[setting] ?? []).map(\.value) }

    /// The merged text of a key.
    func text(_ setting: Setting) -> Located<String>? {
        guard let scalar = scalars[setting.rawValue], case .text(let text) = scalar.value else { return nil }
        return Located(value: text, location: scalar.location)
    }

    /// The merged number of a key.
    func number(_ setting: Setting) -> Located<UInt64>? {
        guard let scalar = scalars[setting.rawValue], case .number(let number) = scalar.value else {
            return nil
        }
        return Located(value: number, location: scalar.location)
    }

    /// The merged links, sorted by link.
    var alternatives: [AlternativeLink] {
        let prefix = "\(Setting.alternatives.rawValue)."
        return scalars.keys.filter { $0.hasPrefix(prefix) }.sorted().compactMap { key in
            guard case .text(let target) = scalars[key]?.value else { return nil }
            return AlternativeLink(link: String(key.dropFirst(prefix.count)), target: target)
        }
    }

    // MARK: Lists

    private mutating func mergeLists() {
        for setting in Setting.allCases {
            if case .words = setting.shape {
                lists[setting] = files.flatMap { $0.layer(for: architecture).lists[setting] ?? [] }
                continue
            }
            guard case .list(_, let canonical) = setting.shape else { continue }
            var merged: [Located<String>] = []
            var seen: [String: SourceLocation] = [:]
            for file in files {
                // `extends` of different files may name one fragment; it is a duplicate only within one.
                if setting.isOwn { seen = [:] }
                for entry in file.layer(for: architecture).lists[setting] ?? [] {
                    if let earlier = seen[canonical(entry.value)] {
                        problems.add(
                            .duplicate,
                            entry.location,
                            "\(quoted(entry.value)) is in '\(setting.rawValue)' already, at \(earlier); remove one of the two"
                        )
                        continue
                    }
                    seen[canonical(entry.value)] = entry.location
                    merged.append(entry)
                }
            }
            lists[setting] = merged
        }
    }

    private mutating func mergeExceptions() {
        var seen: [String: SourceLocation] = [:]
        for file in files {
            for entry in file.layer(for: architecture).exceptions {
                if let earlier = seen[entry.value.path] {
                    problems.add(
                        .duplicate,
                        entry.location,
                        "\(quoted(entry.value.path)) is in 'audit.allow' already, at \(earlier); remove one of the two"
                    )
                    continue
                }
                seen[entry.value.path] = entry.location
                exceptions.append(entry)
            }
        }
    }

    private mutating func checkContradictions() {
        let pairs: [(Setting, Setting, String)] = [
            (.packagesInclude, .packagesDrop, "a package cannot be both asked for and dropped"),
            (.unitsEnable, .unitsDisable, "a unit cannot be both enabled and disabled"),
            (.unitsEnable, .unitsMask, "a unit cannot be both enabled and masked"),
            (.filterRemove, .filterKeep, "a pattern cannot be both removed and kept"),
            (.kernelModules, .kernelDropModules, "a pattern cannot be both kept and dropped"),
        ]
        for (left, right, message) in pairs {
            let places = Dictionary(
                (lists[left] ?? []).map { ($0.value, $0.location) },
                uniquingKeysWith: { first, _ in first }
            )
            for entry in lists[right] ?? [] {
                guard let other = places[entry.value] else { continue }
                problems.add(
                    .contradiction,
                    entry.location,
                    "\(quoted(entry.value)) is in '\(right.rawValue)' here and in '\(left.rawValue)' at \(other):"
                        + " \(message); remove one of the two"
                )
            }
        }
        if let kernel = text(.kernelPackage) {
            for setting in [Setting.packagesInclude, .packagesDrop] {
                for entry in lists[setting] ?? [] where entry.value == kernel.value {
                    problems.add(
                        .duplicate,
                        entry.location,
                        "\(quoted(entry.value)) is the kernel already, at \(kernel.location); remove it from '\(setting.rawValue)'"
                    )
                }
            }
        }
    }

    // MARK: Scalars

    private mutating func mergeScalars() {
        guard let variant = files.last else { return }
        var ancestors: [String: Set<String>] = [:]
        var candidates: [String: [String: [Located<Scalar>]]] = [:]
        for file in files {
            let parents = extended[file.path] ?? []
            ancestors[file.path] = parents.reduce(into: Set(parents)) { $0.formUnion(ancestors[$1] ?? []) }
            var merged: [String: [Located<Scalar>]] = [:]
            for parent in parents {
                for (key, values) in candidates[parent] ?? [:] {
                    for value in values where !(merged[key] ?? []).contains(value) {
                        merged[key, default: []].append(value)
                    }
                }
            }
            for (key, values) in merged where values.count > 1 {
                // What a fragment took over and changed is not in conflict with its change.
                merged[key] = values.filter { value in
                    !values.contains { ancestors[$0.location.file]?.contains(value.location.file) ?? false }
                }
            }
            for (key, value) in file.layer(for: architecture).scalars {
                if let setting = Setting(rawValue: key), setting.isOwn, file.path != variant.path { continue }
                merged[key] = [value]
            }
            candidates[file.path] = merged
        }
        let final = candidates[variant.path] ?? [:]
        for key in final.keys.sorted() {
            guard let values = final[key], let first = values.first else { continue }
            scalars[key] = first
            for other in values.dropFirst() where other.value != first.value {
                problems.add(
                    .conflict,
                    other.location,
                    "'\(key)' is \(other.value.shown) here, but \(first.value.shown) at \(first.location);"
                        + " set it in \(variant.path) to decide"
                )
            }
        }
    }
}
