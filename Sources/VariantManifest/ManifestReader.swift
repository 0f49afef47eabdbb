import Foundation
import Hashing
import TOMLKit

/// Turns the TOML tables of one file into checked values, and notes every problem on the way.
struct ManifestReader {
    private let root: String
    private let role: ManifestFile.Role
    private let locator: TOMLLocator
    /// The keys that such a file may have.
    private let known: [Setting]
    private var file: ManifestFile
    private(set) var problems = ProblemList()

    /// Reads a parsed file; `root` is the repository's root, in which the folders it names must be.
    init(source: VariantSource, role: ManifestFile.Role, locator: TOMLLocator, root: String) {
        self.root = root
        self.role = role
        known = Setting.known(to: role)
        self.locator = locator
        file = ManifestFile(source: source)
    }

    /// The values of the document.
    mutating func read(_ document: TOMLTable) -> ManifestFile {
        let sections = Set(known.map(\.section)).subtracting([""])
        let topLevel = known.filter { $0.section.isEmpty }.map(\.rawValue)
        var common = Layer()
        for key in document.keys {
            guard let value = document[key] else { continue }
            if key == "arch" {
                readArchitectures(value)
            } else if sections.contains(key) {
                readSection(key, value, into: &common)
            } else if let setting = Setting(rawValue: key), known.contains(setting), setting.section.isEmpty {
                readSetting(setting, value, at: [.key(key)], into: &common)
            } else {
                unknownKey([.key(key)], allowed: topLevel + sections + ["arch"])
            }
        }
        file.common = common
        if role != .fragment {
            for setting in known where setting.isRequired && document[setting.rawValue] == nil {
                problems.add(
                    .missingKey,
                    SourceLocation(file: file.path, line: 0),
                    "a \(role.noun) needs the key '\(setting.rawValue)'; add it at the top"
                )
            }
        }
        return file
    }

    private mutating func readSection(
        _ section: String,
        _ value: any TOMLValueConvertible,
        into layer: inout Layer
    ) {
        guard let table = table(value, at: [.key(section)]) else { return }
        let known = known.filter { $0.section == section }
        for key in table.keys {
            guard let value = table[key] else { continue }
            let path: [TOMLStep] = [.key(section), .key(key)]
            if let setting = known.first(where: { $0.key == key }) {
                readSetting(setting, value, at: path, into: &layer)
            } else {
                unknownKey(path, allowed: known.map(\.key))
            }
        }
    }

    private mutating func readArchitectures(_ value: any TOMLValueConvertible) {
        guard let architectures = table(value, at: [.key("arch")]) else { return }
        let keys = Setting.ofArchitecture.filter { known.contains($0.value) }
        for name in architectures.keys {
            guard let value = architectures[name] else { continue }
            let path: [TOMLStep] = [.key("arch"), .key(name)]
            guard let architecture = Architecture(rawValue: name) else {
                unknownKey(path, allowed: Architecture.allCases.map(\.rawValue))
                continue
            }
            guard let table = table(value, at: path) else { continue }
            var layer = Layer()
            for key in table.keys {
                guard let value = table[key] else { continue }
                if let setting = keys[key] {
                    readSetting(setting, value, at: path + [.key(key)], into: &layer)
                } else {
                    unknownKey(path + [.key(key)], allowed: keys.keys.sorted())
                }
            }
            file.ofArchitecture[architecture] = layer
        }
    }

    private mutating func readSetting(
        _ setting: Setting,
        _ value: any TOMLValueConvertible,
        at path: [TOMLStep],
        into layer: inout Layer
    ) {
        if setting.isForVariantsOnly, role == .fragment {
            problems.add(
                .unknownKey,
                location(path),
                "only a variant.toml has the key '\(setting.rawValue)'; remove it from this fragment"
            )
            return
        }
        switch setting.shape {
        case .text(let check):
            guard let text = string(value, at: path), passes(text, check(text), at: path) else { return }
            layer.scalars[setting.rawValue] = Located(value: .text(text), location: location(path))
        case .integer(let check):
            guard let number = value.int else { return wrongType(value, "an integer", at: path) }
            guard let wide = UInt64(exactly: number), check(number) == nil else {
                let reason = check(number) ?? "a number cannot be negative"
                return problems.add(.badValue, location(path), "\(name(path)) = \(number): \(reason)")
            }
            layer.scalars[setting.rawValue] = Located(value: .number(wide), location: location(path))
        case .size(let limits):
            guard let text = string(value, at: path) else { return }
            switch BinarySize.check(text, limits: limits) {
            case .success(let size):
                layer.scalars[setting.rawValue] = Located(value: .number(size), location: location(path))
            case .failure(let problem):
                _ = passes(text, problem.text, at: path)
            }
        case .list(let check, _), .words(let check):
            layer.lists[setting] = readList(setting, value, at: path, check: check)
        case .exceptions:
            layer.exceptions = readExceptions(value, at: path)
        case .links:
            readLinks(setting, value, at: path, into: &layer)
        }
    }

    private mutating func readList(
        _ setting: Setting,
        _ value: any TOMLValueConvertible,
        at path: [TOMLStep],
        check: (String) -> String?
    ) -> [Located<String>] {
        var result: [Located<String>] = []
        guard let array = value.array else {
            wrongType(value, "an array of strings", at: path)
            return result
        }
        if setting == .architectures, array.isEmpty {
            problems.add(
                .badValue,
                location(path),
                "'architectures' is empty; name at least one, such as \"amd64\""
            )
        }
        for index in 0..<array.count {
            let path = path + [.index(index)]
            guard let text = string(array[index], at: path), passes(text, check(text), at: path) else {
                continue
            }
            if setting.namesFolders, !folderExists(text, at: path) { continue }
            result.append(Located(value: text, location: location(path)))
        }
        return result
    }

    private mutating func readExceptions(
        _ value: any TOMLValueConvertible,
        at path: [TOMLStep]
    ) -> [Located<AuditException>] {
        var result: [Located<AuditException>] = []
        guard let array = value.array else {
            wrongType(value, "an array of { path = \"...\", reason = \"...\" }", at: path)
            return result
        }
        for index in 0..<array.count {
            let path = path + [.index(index)]
            guard let entry = table(array[index], at: path) else { continue }
            var fields: [String: String] = [:]
            for key in entry.keys {
                guard key == "path" || key == "reason" else {
                    unknownKey(path + [.key(key)], allowed: ["path", "reason"])
                    continue
                }
                if let value = entry[key] { fields[key] = string(value, at: path + [.key(key)]) }
            }
            for key in ["path", "reason"] where entry[key] == nil {
                problems.add(
                    .missingKey,
                    location(path),
                    "an exception in 'audit.allow' needs the key '\(key)'; add it"
                )
            }
            guard let file = fields["path"], let reason = fields["reason"] else { continue }
            let isFileGood = passes(file, Check.absolutePattern(file), at: path + [.key("path")])
            let hasReason = reason.contains { !$0.isWhitespace }
            let complaint = hasReason ? nil : "say why the file may stay in the image"
            guard passes(reason, complaint, at: path + [.key("reason")]), isFileGood else { continue }
            result.append(
                Located(value: AuditException(path: file, reason: reason), location: location(path))
            )
        }
        return result
    }

    private mutating func readLinks(
        _ setting: Setting,
        _ value: any TOMLValueConvertible,
        at path: [TOMLStep],
        into layer: inout Layer
    ) {
        guard let links = table(value, at: path) else { return }
        for link in links.keys {
            guard let value = links[link] else { continue }
            let path = path + [.key(link)]
            if let problem = Check.absolutePath(link) {
                problems.add(
                    .badValue,
                    location(path),
                    "\(name(path)): the link's place \(quoted(link)): \(problem)"
                )
                continue
            }
            guard let target = string(value, at: path), passes(target, Check.absolutePath(target), at: path)
            else {
                continue
            }
            guard passes(target, link == target ? "the link would point to itself" : nil, at: path) else {
                continue
            }
            layer.scalars["\(setting.rawValue).\(link)"] = Located(
                value: .text(target),
                location: location(path)
            )
        }
    }

    // MARK: Helpers

    private func location(_ path: [TOMLStep]) -> SourceLocation {
        SourceLocation(file: file.path, line: locator.line(of: path))
    }

    /// A path as a message shows it: `packages.include`, without the index.
    private func name(_ path: [TOMLStep]) -> String {
        var result = ""
        for case .key(let key) in path {
            result += result.isEmpty ? key : "." + key
        }
        return String(quoted(result).dropFirst().dropLast())
    }

    private mutating func table(_ value: any TOMLValueConvertible, at path: [TOMLStep]) -> TOMLTable? {
        guard let table = value.table else {
            wrongType(value, "a table", at: path)
            return nil
        }
        return table
    }

    private mutating func string(_ value: any TOMLValueConvertible, at path: [TOMLStep]) -> String? {
        guard let text = value.string else {
            wrongType(value, "a string", at: path)
            return nil
        }
        return text
    }

    private mutating func wrongType(
        _ value: any TOMLValueConvertible,
        _ expected: String,
        at path: [TOMLStep]
    ) {
        let type = value.type
        let shown =
            type == .table || type == .array ? "" : " \(quoted(value.string ?? value.debugDescription))"
        let article = "aeiou".contains(type.description.prefix(1)) ? "an" : "a"
        problems.add(
            .wrongType,
            location(path),
            "\(name(path)) is \(article) \(type.description)\(shown); it must be \(expected)"
        )
    }

    private mutating func passes(_ value: String, _ problem: String?, at path: [TOMLStep]) -> Bool {
        guard let problem else { return true }
        problems.add(.badValue, location(path), "\(name(path)), value \(quoted(value)): \(problem)")
        return false
    }

    private mutating func unknownKey(_ path: [TOMLStep], allowed: [String]) {
        guard case .key(let key) = path.last else { return }
        let parent = name(path.dropLast())
        let place = parent.isEmpty ? "here" : "in '\(parent)'"
        let guess = didYouMean(key, among: allowed.sorted())
        let list = guess.isEmpty ? "; known are \(allowed.sorted().joined(separator: ", "))" : guess
        problems.add(.unknownKey, location(path), "unknown key \(quoted(key)) \(place)\(list)")
    }

    private mutating func folderExists(_ folder: String, at path: [TOMLStep]) -> Bool {
        let full = URL(filePath: root).appending(path: folder)
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: full.path, isDirectory: &isFolder), isFolder.boolValue
        else {
            problems.add(
                .missingFile,
                location(path),
                "\(name(path)), value \(quoted(folder)): the repository has no such folder; make it or remove the line"
            )
            return false
        }
        let base = URL(filePath: root).resolvingSymlinksInPath().path
        let resolved = full.resolvingSymlinksInPath().path
        guard resolved.hasPrefix(base == "/" ? base : base + "/") else {
            problems.add(
                .badValue,
                location(path),
                "\(name(path)), value \(quoted(folder)): a symbolic link leads out of the repository; copy the folder into it"
            )
            return false
        }
        return true
    }
}
