import Foundation
import VariantManifest

/// Facts of the machine that builds.
enum BuildMachine {
    /// Debian's name of its architecture, which its tools are locked for.
    static var architecture: Architecture {
        #if arch(arm64)
            .arm64
        #else
            .amd64
        #endif
    }

    /// The version of Swift that a repository's programs are compiled with, as its .swift-version says.
    static func swiftVersion(repository: String) throws -> String {
        let text = try FileSystem.read(repository + "/.swift-version", limit: 100)
        return String(decoding: text, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
