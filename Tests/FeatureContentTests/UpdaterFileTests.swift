import BootEntries
import Foundation
import TestSupport
import Testing
import Updater

/// What the updater reads from its rendered file.
@Suite struct UpdaterFileTests {
    private func read(_ settings: String) throws -> UpdaterConfiguration {
        let text = try ImageContent().render("updater-config", settings)
        let folder = try TemporaryDirectory()
        try text.write(toFile: folder.file("updater.json"), atomically: false, encoding: .utf8)
        return try UpdaterConfiguration(file: folder.file("updater.json"))
    }

    private static let places =
        #""metadata-base-url": "https://u.example/metadata", "targets-base-url": "https://u.example/targets""#

    @Test func withTheDefaults() throws {
        let configuration = try read(#"{"updates": {\#(Self.places)}}"#)
        #expect(
            configuration
                == UpdaterConfiguration(
                    metadataURL: "https://u.example/metadata",
                    targetsURL: "https://u.example/targets"
                )
        )
    }

    @Test func withEverySetting() throws {
        let configuration = try read(
            #"""
            {"updates": {\#(Self.places), "seed": 1234, "version-lock": "1.2.3", "ignore-waves": true, "check-interval": "1h30m",
             "mirrors": ["https://a.example/b", "http://c.example"], "bandwidth-limit": 500000},
             "network": {"https-proxy": "http://u:p\"\\}{{x}}@proxy.example:3128", "no-proxy": [".example.org", "10.0.0.0/8", "a\", \"b"]},
             "pki": {"own": {"data": "?", "trusted": true}}}
            """#
        )
        #expect(
            configuration
                == UpdaterConfiguration(
                    metadataURL: "https://u.example/metadata",
                    targetsURL: "https://u.example/targets",
                    mirrors: ["https://a.example/b", "http://c.example"],
                    bandwidth: 500_000,
                    seed: 1234,
                    versionLock: UAPIVersion("1.2.3"),
                    ignoresWaves: true,
                    proxy: #"http://u:p"\}{{x}}@proxy.example:3128"#,
                    noProxy: [".example.org", "10.0.0.0/8", #"a", "b"#],
                    authorities: "/etc/ssl/certs/ca-certificates.crt",
                    checkInterval: 5400
                )
        )
        let content = try ImageContent()
        #expect(content.files["ca-certificates"]?.path == configuration.authorities)
    }

    @Test func withoutARepositoryItSaysWhichSettingIsMissing() throws {
        let error = try #require(throws: UpdaterError.self) { try read("{}") }
        #expect(error.description.contains("updates.metadata-base-url"))
    }
}
