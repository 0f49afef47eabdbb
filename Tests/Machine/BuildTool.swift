import Foundation
import TestSupport
import Testing

/// The `bulkhead` program under test, and the repository it was built from.
struct BuildTool {
    /// The program, beside the test bundle.
    let program: String
    /// The repository's root.
    static let repository = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path

    init() throws { program = try builtProgram("bulkhead") }

    /// Copies what a build reads of the repository into a new folder.
    static func copyRepository(to folder: String) throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        for name in [
            "Package.swift", "Package.resolved", ".swift-version", "Sources", "Tests", "image", "variants",
        ] {
            try FileManager.default.copyItem(atPath: "\(repository)/\(name)", toPath: "\(folder)/\(name)")
        }
    }

    /// The cache that the image under test was built with.
    static var sharedCache: String {
        let environment = ProcessInfo.processInfo.environment
        if let cache = environment["BULKHEAD_CACHE"] { return cache }
        if let base = environment["XDG_CACHE_HOME"] { return "\(base)/bulkhead" }
        return (environment["HOME"] ?? NSHomeDirectory()) + "/.cache/bulkhead"
    }

    /// Gives a new cache the package files of the shared one, and nothing else, as links.
    static func seed(cache: String) throws {
        try FileManager.default.createDirectory(atPath: cache, withIntermediateDirectories: true)
        let (status, output) = try runTool("cp", "-al", "\(sharedCache)/sha256", "\(cache)/sha256")
        if status != 0 {
            // Another file system: links cannot be had.
            try #require(try runTool("cp", "-a", "\(sharedCache)/sha256", cache).status == 0, "\(output)")
        }
    }
}
