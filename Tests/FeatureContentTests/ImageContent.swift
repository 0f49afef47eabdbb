import Foundation
import JSON
import TOMLKit
import Templates
import TestSupport
import Testing

/// The features and templates of the repository, read without the code that reads them on a host.
struct ImageContent {
    struct File {
        var feature: String
        var name: String
        var path: String
        var template: String
        var mode: String
    }

    struct Service {
        var feature: String
        var name: String
        var settings: [[String]]
        var files: [String]
        var restart: [String]
    }

    static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "image")

    var files: [String: File] = [:]
    var services: [String: Service] = [:]
    var defaults: JSONValue = .object([:])
    var descriptions: [String: String] = [:]
    var generators: [String: JSONValue] = [:]

    init() throws {
        let folder = Self.folder.appending(path: "features")
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() {
            let feature = try #require(name.hasSuffix(".toml") ? String(name.dropLast(5)) : nil, "\(name)")
            let text = try String(contentsOf: folder.appending(path: name), encoding: .utf8)
            let json = try tomlValue(text)
            descriptions[feature] = json["description"]?.string
            if let defaults = json["defaults"] { self.defaults = merged(self.defaults, defaults) }
            generators.merge(json["generators"]?.members ?? [:]) { first, _ in first }
            for (name, file) in json["files"]?.members ?? [:] {
                #expect(files[name] == nil, "two files are called \(name)")
                files[name] = File(
                    feature: feature,
                    name: name,
                    path: try #require(file["path"]?.string),
                    template: try #require(file["template"]?.string),
                    mode: try #require(file["mode"]?.string)
                )
            }
            for (name, service) in json["services"]?.members ?? [:] {
                #expect(services[name] == nil, "two services are called \(name)")
                services[name] = Service(
                    feature: feature,
                    name: name,
                    settings: try strings(service["settings"]).map {
                        $0.split(separator: ".").map(String.init)
                    },
                    files: try strings(service["files"]),
                    restart: try strings(service["restart"])
                )
            }
        }
    }

    private func strings(_ value: JSONValue?) throws -> [String] {
        try #require(value?.elements).map { try #require($0.string) }
    }

    func template(_ name: String) throws -> Template {
        let url = Self.folder.appending(path: "templates/\(name)")
        return try Template(parsing: try String(contentsOf: url, encoding: .utf8), name: name)
    }

    /// Renders the file of a name with settings on top of the defaults.
    func render(_ name: String, _ settings: String = "{}", bundle: String = "") throws -> String {
        let file = try #require(files[name], "no file \(name)")
        let document = merged(defaults, try JSONValue(parsing: settings))
        let helpers = HelperSet.host(processors: 2) { path throws(HelperError) in
            guard path == "/usr/share/bulkhead/ca-certificates.crt" else { throw HelperError("no \(path)") }
            return bundle
        }
        return try template(file.template).render(context: ["settings": document], helpers: helpers)
    }
}

/// TOML as a JSON value, through TOMLKit's own writer of JSON.
func tomlValue(_ text: String) throws -> JSONValue {
    try JSONValue(parsing: try TOMLTable(string: text).convert(to: .json))
}

/// Both objects, with the second one's values where both have one.
func merged(_ first: JSONValue, _ second: JSONValue) -> JSONValue {
    guard let left = first.members, let right = second.members else { return second }
    return .object(left.merging(right) { merged($0, $1) })
}
