import Foundation
import TestSupport
import Testing

@testable import VariantManifest

/// A repository in a temporary directory with the files a test gives.
struct Repository {
    let directory: TemporaryDirectory
    var root: String { directory.path }

    /// The head that every variant needs.
    static let head = """
        description = "A variant for tests"
        version = "0.1.0"
        architectures = ["amd64"]

        """

    init(_ files: [String: String], folders: [String] = []) throws {
        directory = try TemporaryDirectory()
        for folder in folders + ["variants/fragments"] {
            try FileManager.default.createDirectory(
                at: directory.url.appending(path: folder),
                withIntermediateDirectories: true
            )
        }
        for (path, text) in files { try write(Data(text.utf8), to: path) }
    }

    func write(_ data: Data, to path: String) throws {
        let url = directory.url.appending(path: path)
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(),
            withIntermediateDirectories: true
        )
        try data.write(to: url)
    }

    /// A repository with one variant `v`, whose manifest is the head, a kernel and a text.
    static func variant(_ text: String, folders: [String] = []) throws -> Repository {
        try Repository(["variants/v/variant.toml": head + text], folders: folders)
    }

    func load(_ name: String = "v") throws -> Variant {
        try Variant.load(name, repository: root)
    }

    /// The problems that loading a variant ends with; none if it succeeds.
    func problems(_ name: String = "v") -> [ManifestProblem] {
        do throws(ManifestError) {
            _ = try Variant.load(name, repository: root)
            return []
        } catch {
            guard case .invalid(_, let problems) = error else {
                Issue.record("unexpected error: \(error)")
                return []
            }
            return problems
        }
    }
}
