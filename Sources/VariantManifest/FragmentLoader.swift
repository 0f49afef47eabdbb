import Foundation
import Hashing

/// Loads a variant's manifest and all it extends, each file once.
struct FragmentLoader {
    /// Most files one variant may be made of.
    static let fileLimit = 256

    private let root: String
    /// The files that could be read, what is extended first.
    private(set) var files: [ManifestFile] = []
    /// What each file extends, of the files that could be read.
    private(set) var extended: [String: [String]] = [:]
    private(set) var problems = ProblemList()
    /// Whether a file is missing or not TOML, so that what it would say is not known.
    private(set) var isIncomplete = false
    private var state: [String: State] = [:]
    private var chain: [String] = []

    private enum State {
        case open
        case done
        case failed
    }

    /// A loader for a repository.
    init(root: String) {
        self.root = root
    }

    /// The path of a variant's manifest, relative to the root.
    static func variantPath(_ name: String) -> String { "variants/\(name)/variant.toml" }

    /// The path of a fragment, relative to the root.
    static func fragmentPath(_ name: String) -> String { "variants/fragments/\(name).toml" }

    /// Loads a variant and all that it extends.
    mutating func load(variant: String) {
        load(Self.variantPath(variant), role: .variant, from: nil)
    }

    private mutating func load(_ path: String, role: ManifestFile.Role, from origin: SourceLocation?) {
        let own = SourceLocation(file: path, line: 0)
        guard state.count < Self.fileLimit else {
            isIncomplete = true
            problems.add(
                .badValue,
                origin ?? own,
                "the variant is made of more than \(Self.fileLimit) files; merge some"
            )
            return
        }
        state[path] = .open
        chain.append(path)
        defer { chain.removeLast() }
        guard let file = read(path, role: role, from: origin) else {
            isIncomplete = true
            state[path] = .failed
            return
        }
        for entry in file.common.lists[.extends] ?? [] {
            let next = Self.fragmentPath(entry.value)
            switch state[next] {
            case .open:
                reportCycle(to: next, at: entry.location)
                continue
            case .failed:
                continue
            case .done:
                break
            case nil:
                load(next, role: .fragment, from: entry.location)
                guard state[next] == .done else { continue }
            }
            extended[path, default: []].append(next)
        }
        files.append(file)
        state[path] = .done
    }

    private mutating func read(
        _ path: String,
        role: ManifestFile.Role,
        from origin: SourceLocation?
    ) -> ManifestFile? {
        let own = SourceLocation(file: path, line: 0)
        switch ManifestText.read(URL(filePath: root).appending(path: path).path) {
        case .failure(let failure):
            if failure.kind == .missingFile, let origin {
                let name = URL(filePath: path).deletingPathExtension().lastPathComponent
                let guess = didYouMean(name, among: fragmentNames())
                problems.add(.missingFile, origin, "fragment '\(name)' is not there: no file \(path)\(guess)")
            } else {
                problems.add(failure.kind, own, failure.message)
            }
            return nil
        case .success(let bytes):
            let source = VariantSource(path: path, sha256: SHA256Digest(hashing: bytes))
            switch ManifestText.parse(bytes, file: path) {
            case .failure(let problem):
                problems.add(problem.kind, problem.location, problem.message)
                return nil
            case .success(let (document, locator)):
                var reader = ManifestReader(source: source, role: role, locator: locator, root: root)
                let file = reader.read(document)
                for problem in reader.problems.problems {
                    problems.add(problem.kind, problem.location, problem.message)
                }
                return file
            }
        }
    }

    private mutating func reportCycle(to path: String, at location: SourceLocation) {
        let start = chain.firstIndex(of: path) ?? 0
        let names = (chain[start...] + [path]).map {
            URL(filePath: $0).deletingPathExtension().lastPathComponent
        }
        problems.add(
            .cycle,
            location,
            "fragments extend each other in a circle: \(names.joined(separator: " -> ")); remove one of these 'extends'"
        )
    }

    private func fragmentNames() -> [String] {
        let folder = URL(filePath: root).appending(path: "variants/fragments").path
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return entries.filter { $0.hasSuffix(".toml") }.map { String($0.dropLast(5)) }.sorted()
    }
}
