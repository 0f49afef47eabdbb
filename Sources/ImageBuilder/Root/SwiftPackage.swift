import Foundation

/// A Swift package of which code is linked into the host's program, and which nobody would see in the image otherwise.
struct SwiftPackage: Codable, Hashable, Sendable {
    /// The name of its repository, such as `swift-nio`.
    let name: String
    /// Where SwiftPM has it from.
    let location: String
    /// The version; the revision where there is none.
    let version: String

    /// The packages that a product is linked from, sorted by name.
    ///
    /// SwiftPM lists the product's object files in `Objects.LinkFileList`, each in the folder of its module, where
    /// `sources` names the files that a Swift module is compiled from. Modules in C have no such list; theirs are packages
    /// that have Swift modules as well.
    ///
    /// - Parameters:
    ///   - list: `Objects.LinkFileList`.
    ///   - resolved: `Package.resolved`.
    ///   - sources: the text of the file `sources` in a module's folder, nil where there is none.
    /// - Throws: `BuildError.unsupported` when a file is not what SwiftPM writes, or a package is not in `resolved`.
    static func linked(
        list: String,
        resolved: [UInt8],
        sources: (_ folder: String) throws -> String?
    ) throws -> [SwiftPackage] {
        let pins = try pins(in: resolved)
        var names: Set<String> = []
        var folders: Set<Substring> = []
        for line in list.split(separator: "\n") {
            guard let end = line.range(of: ".build/", options: .backwards) else { continue }
            // A path with spaces stands in quotes.
            let folder = line[..<end.lowerBound].drop { $0 == "'" || $0 == "\"" }
            guard folders.insert(folder).inserted, let text = try sources("\(folder).build") else { continue }
            let parts = text.prefix { $0 != "\n" }.split(separator: "/")
            guard let checkouts = parts.firstIndex(of: "checkouts"), parts.count > checkouts + 1 else {
                continue
            }
            names.insert(String(parts[checkouts + 1]))
        }
        return try names.sorted().map { name in
            guard let pin = pins[name] else {
                throw BuildError.unsupported(
                    "the programs are linked with the Swift package '\(name)', which Package.resolved does not have; "
                        + "run 'swift package resolve' and build again"
                )
            }
            return pin
        }
    }

    private struct Resolved: Decodable {
        struct Pin: Decodable {
            struct State: Decodable {
                let revision: String?
                let version: String?
            }

            let location: String
            let state: State
        }

        let pins: [Pin]
    }

    /// The packages of a `Package.resolved`, by the names of their repositories: those of SwiftPM's checkouts.
    private static func pins(in resolved: [UInt8]) throws -> [String: SwiftPackage] {
        let document: Resolved
        do { document = try JSONDecoder().decode(Resolved.self, from: Data(resolved)) } catch {
            throw BuildError.unsupported("Package.resolved is not what SwiftPM writes: \(error)")
        }
        var pins: [String: SwiftPackage] = [:]
        for pin in document.pins {
            var name = pin.location.split(separator: "/").last.map(String.init) ?? ""
            if name.hasSuffix(".git") { name.removeLast(4) }
            guard !name.isEmpty, let version = pin.state.version ?? pin.state.revision, !version.isEmpty
            else {
                throw BuildError.unsupported(
                    "Package.resolved has a package without a name or a version: \(pin)"
                )
            }
            pins[name] = SwiftPackage(name: name, location: pin.location, version: version)
        }
        return pins
    }
}
