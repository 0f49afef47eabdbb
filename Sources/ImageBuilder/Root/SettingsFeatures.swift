import Features
import FileTree
import Foundation
import Hashing

/// What joins settings with files and services, in an image: feature files, templates and links.
enum SettingsFeatures {
    /// Where features and templates lie in the repository.
    static let source = "image"
    /// Where they lie in the image.
    static let directory = "/usr/share/bulkhead"
    /// Where the host renders what is to appear below /etc.
    static let rendered = "/run/bulkhead"
    private static let fileSizeLimit: UInt64 = 256 << 10

    /// Puts a variant's features into the tree, with their templates, and a link in /etc for each file they render.
    ///
    /// - Throws: `FeatureError` when a feature is wrong or two contradict each other, `BuildError.missing` when one or
    ///   a template is not there, and what the tree throws when /etc already has a file of that name.
    static func add(_ names: [String], to tree: inout FileTree, repository: String) throws {
        var features: [Feature] = []
        for name in names {
            let text = try read("\(source)/features/\(name).toml", of: repository)
            features.append(try Feature(parsing: String(decoding: text, as: UTF8.self), name: name))
            try tree.insert(.file(text, origin: "features"), at: "\(directory)/features/\(name).toml")
        }
        let files = try FeatureSet(features).files.values.sorted { $0.path < $1.path }
        for template in Set(files.map(\.template)).sorted() {
            let text = try read("\(source)/templates/\(template)", of: repository)
            try tree.insert(.file(text, origin: "features"), at: "\(directory)/templates/\(template)")
        }
        for file in files {
            try tree.insert(.symlink(to: target(of: file.path), origin: "features"), at: file.path)
        }
    }

    /// The digest of everything that features may put into the tree.
    static func digest(_ names: [String], repository: String) throws -> SHA256Digest {
        guard !names.isEmpty else { return SHA256Digest(hashing: "") }
        let folders = try ["features", "templates"].map {
            try FileTree.load(directory: "\(repository)/\(source)/\($0)", origin: $0).digest().hex
        }
        return SHA256Digest(hashing: folders.joined())
    }

    /// The target of a link, relative to its place: the root may be mounted elsewhere when tools look at it.
    static func target(of path: String) -> String {
        let depth = path.split(separator: "/").count - 1
        return String(repeating: "../", count: depth) + rendered.dropFirst() + path
    }

    private static func read(_ path: String, of repository: String) throws -> [UInt8] {
        guard FileSystem.exists("\(repository)/\(path)") else {
            throw BuildError.missing(
                what: path,
                remedy: "write it, or take its name out of 'settings.features'"
            )
        }
        return try FileSystem.read("\(repository)/\(path)", limit: fileSizeLimit)
    }
}
