import Foundation
import Testing

/// The path of a program of this package, which the build puts beside the tests.
public func builtProgram(_ name: String) throws -> String {
    let bundle = CommandLine.arguments.first { $0.contains(".xctest") }
    let folder = try #require(bundle.map { URL(filePath: $0).deletingLastPathComponent().path })
    // On Linux the bundle is one file; its path may also name the program inside of a folder.
    let candidates = [folder, URL(filePath: folder).deletingLastPathComponent().path]
    return try #require(
        candidates.map { "\($0)/\(name)" }.first { FileManager.default.isExecutableFile(atPath: $0) },
        "no \(name) beside \(bundle ?? "the tests"): run 'swift build' first"
    )
}
