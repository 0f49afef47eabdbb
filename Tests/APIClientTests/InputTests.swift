import Foundation
import JSON
import SettingsModel
import TestSupport
import Testing

@testable import APIClient

@Suite struct InputTests {
    @Test func base64AsFoundationWritesIt() {
        for length in 0..<70 {
            let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ length) }
            let text = Data(bytes).base64EncodedString()
            #expect(Base64.decode(text) == bytes)
            #expect(Base64.decode(String(text.prefix { $0 != "=" })) == bytes)
        }
        let long = [UInt8](repeating: 0xfb, count: 200)
        #expect(Base64.decode(Data(long).base64EncodedString(options: .lineLength64Characters)) == long)
    }

    @Test(arguments: [
        "A", "AA=", "AAAA=", "A===", "=", "AA==AA==", "AB==", "AAB=", "A A=", "A_-=", "é", "AAAAA",
    ])
    func notBase64(text: String) {
        #expect(Base64.decode(text) == nil)
    }

    @Test func sources() throws {
        #expect(try InputSource("-") == .standardInput)
        #expect(try InputSource("a/b.toml") == .file(path: "a/b.toml"))
        #expect(try InputSource("file:///a%20b/%C3%A9") == .file(path: "/a b/é"))
        #expect(try InputSource("base64:eA==") == .base64(content: "eA=="))
        #expect(try InputSource("HTTPS://host/x") == .web(url: "HTTPS://host/x"))
        for text in [
            "", "file://host/x", "file:///%zz", "file:///%0", "file:///%00", "file:///%ff", "s3://b/k",
            "ssm://p", "secretsmanager://s", "arn:aws:s3:::b", "ftp://h/x",
        ] {
            #expect(throws: InputError.self, "\(text)") { try InputSource(text) }
        }
    }

    @Test func filesAreReadUpToTheLimit() async throws {
        let folder = try TemporaryDirectory()
        let path = folder.file("settings.toml")
        try Data(count: InputSource.maximumLength).write(to: URL(filePath: path))
        #expect(try await InputSource(path).read().count == InputSource.maximumLength)
        try Data(count: InputSource.maximumLength + 1).write(to: URL(filePath: path))
        await #expect(throws: InputError.tooLong(path)) { try await InputSource(path).read() }
        // What has no end is not read to the end.
        await #expect(throws: InputError.tooLong("/dev/zero")) { try await InputSource("/dev/zero").read() }
        await #expect(throws: InputError("could not read \(folder.path): Is a directory")) {
            try await InputSource(folder.path).read()
        }
        let missing = folder.file("missing")
        await #expect(throws: InputError("could not open \(missing): No such file or directory")) {
            try await InputSource(missing).read()
        }
    }

    @Test func documentsAreGuessed() throws {
        let source = InputSource.standardInput
        let expected: JSONValue = ["motd": "hi", "ntp": ["time-servers": ["a"]]]
        for text in [
            "motd = \"hi\"\n[ntp]\ntime-servers = [\"a\"]\n",
            "[settings]\nmotd = \"hi\"\n[settings.ntp]\ntime-servers = [\"a\"]\n",
            #" {"motd": "hi", "ntp": {"time-servers": ["a"]}}"#,
            #"{"settings": {"motd": "hi", "ntp": {"time-servers": ["a"]}}}"#,
            "motd = \"hi\"\n[settings.ntp]\ntime-servers = [\"a\"]\n",
        ] {
            #expect(try ApplyCommand.settings(in: Array(text.utf8), from: source) == expected, "\(text)")
        }
        for (text, part) in [
            ("motd = \"hi\"\nntp = [\n", "standard input, read as TOML: line"),
            ("{\n\"motd\" 1}", "standard input, read as JSON: line 2, column 8"),
            ("settings = 1", "'settings' must be a table"),
        ] {
            let failure = #expect(throws: CommandFailure.self) {
                try ApplyCommand.settings(in: Array(text.utf8), from: source)
            }
            #expect(failure?.message?.contains(part) == true, "\(failure?.message ?? "")")
        }
    }

    @Test func keysAreBatched() throws {
        #expect(try UnsetCommand.batches(["motd", "settings.ntp"]) == ["settings.motd,settings.ntp"])
        let keys = (0..<2000).map { "kernel.sysctl.\"net.key.\($0)\"" }
        let batches = try UnsetCommand.batches(keys)
        #expect(batches.allSatisfy { $0.utf8.count <= 4096 })
        #expect(batches.joined(separator: ",").split(separator: ",").count == 2000)
    }

    @Test func joiningAndLeavingOut() {
        var value: JSONValue = ["settings": ["a": 1, "b": ["c": 1]], "os": ["arch": "x"]]
        value.join(["settings": ["b": ["d": 2], "a": 3]])
        #expect(value == ["settings": ["a": 3, "b": ["c": 1, "d": 2]], "os": ["arch": "x"]])

        let settings: JSONValue = [
            "settings": [
                "motd": "hi", "network": ["hostname": "h"], "network-x": ["e": "up"], "sysctl": ["a.b": 1],
            ]
        ]
        func left(_ prefixes: String...) -> JSONValue { settings.removing(prefixes: prefixes) }
        #expect(left() == settings)
        #expect(left("settings.") == [:])
        #expect(left("settings.network")["settings"] == ["motd": "hi", "sysctl": ["a.b": 1]])
        #expect(
            left("settings.network.", "settings.motd.")["settings"]
                == ["motd": "hi", "network-x": ["e": "up"], "sysctl": ["a.b": 1]]
        )
        for key in ["settings.sysctl.a.b", #"settings.sysctl."a.b""#] {
            #expect(left(key)["settings"]?["sysctl"] == nil)
        }
    }
}
