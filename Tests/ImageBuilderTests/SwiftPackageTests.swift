import Foundation
import TestSupport
import Testing

@testable import ImageBuilder

/// What the host's program is linked from, by what SwiftPM leaves of a build.
@Suite struct SwiftPackageTests {
    private static let resolved = """
        {"pins": [
          {"identity": "swift-nio", "kind": "remoteSourceControl", "location": "https://example.org/apple/swift-nio.git",
           "state": {"revision": "33", "version": "2.101.2"}},
          {"identity": "tomlkit", "kind": "remoteSourceControl", "location": "https://example.org/o/TOMLKit",
           "state": {"revision": "be", "version": "0.6.0"}},
          {"identity": "branch", "kind": "remoteSourceControl", "location": "https://example.org/o/branch",
           "state": {"branch": "main", "revision": "c0ffee"}}
        ], "version": 3}
        """

    private static let sources = [
        "/media/build/release/NIOCore.build": "/media/build/checkouts/swift-nio/Sources/NIOCore/A.swift\n",
        "/media/build/release/NIO.build": "/media/build/checkouts/swift-nio/Sources/NIO/B.swift\n",
        "/media/build/release/Branch.build": "/media/build/checkouts/branch/Sources/x y/B.swift\n",
        "/media/build/release/Own.build": "/media/source/Sources/Own/C.swift\n",
    ]

    private func linked(_ list: String, resolved: String = Self.resolved) throws -> [SwiftPackage] {
        try SwiftPackage.linked(list: list, resolved: Array(resolved.utf8)) { Self.sources[$0] }
    }

    @Test func onlyWhatIsLinkedIsNamed() throws {
        let found = try linked(
            """
            /media/build/release/Own.build/C.swift.o
            /media/build/release/NIOCore.build/A.swift.o
            /media/build/release/NIOCore.build/Z.swift.o
            /media/build/release/NIO.build/B.swift.o
            /media/build/release/CNIOLinux.build/shim/c.c.o
            '/media/build/release/Branch.build/x y/B.swift.o'
            /media/build/release/loose.o

            """
        )
        #expect(
            found == [
                SwiftPackage(name: "branch", location: "https://example.org/o/branch", version: "c0ffee"),
                SwiftPackage(
                    name: "swift-nio",
                    location: "https://example.org/apple/swift-nio.git",
                    version: "2.101.2"
                ),
            ]
        )
        #expect(try linked("").isEmpty)
    }

    @Test(arguments: [
        "", "[]", "{\"pins\": 1}", "{\"pins\": []}",
        "{\"pins\": [{\"location\": \"/\", \"state\": {\"version\": \"1\"}}]}",
        "{\"pins\": [{\"location\": \"https://example.org/apple/swift-nio\", \"state\": {}}]}",
    ])
    func withoutAVersionItIsAnError(_ resolved: String) {
        let error = #expect(throws: BuildError.self) {
            try linked("/media/build/release/NIO.build/B.swift.o\n", resolved: resolved)
        }
        #expect(error?.description.contains("Package.resolved") == true, "\(error as Any)")
    }
}
