import Foundation
import JSON
import SettingsModel
import TestSupport
import Testing

@testable import UserData

/// A source that gives what a test wants.
struct FixedSource: UserDataSource {
    let name: String
    var content: UserDataContent?
    var error: UserDataError?

    init(_ name: String, _ text: String?, error: UserDataError? = nil) {
        self.name = name
        content = text.map { UserDataContent(place: "the \(name)", bytes: Array($0.utf8)) }
        self.error = error
    }

    func read() async throws(UserDataError) -> UserDataContent? {
        if let error { throw error }
        return content
    }
}

@Suite struct UserDataDocumentTests {
    private func settings(_ text: String) throws -> JSONValue {
        try UserDataDocument.settings(in: UserDataContent(place: "test", bytes: Array(text.utf8))).settings
    }

    @Test(arguments: [
        "[settings]\nmotd = \"hi\"\n[settings.network]\nhostname = \"a\"",
        "settings.motd = \"hi\"\nsettings.network.hostname = \"a\"",
        "motd = \"hi\"\n[network]\nhostname = \"a\"",
        "\u{feff}motd = \"hi\"\n[network]\nhostname = \"a\"",
        #"{"settings": {"motd": "hi", "network": {"hostname": "a"}}}"#,
        "\n \t" + #"{"motd": "hi", "network": {"hostname": "a"}}"#,
    ])
    func everyFormGivesTheSame(_ text: String) throws {
        #expect(try settings(text) == ["motd": "hi", "network": ["hostname": "a"]])
    }

    @Test func compressedTextIsRead() throws {
        let folder = try TemporaryDirectory()
        try Data("[settings]\nmotd = 'hi'\n".utf8).write(to: folder.url.appending(path: "data"))
        #expect(try runTool("gzip", folder.file("data")).status == 0)
        let bytes = Array(try Data(contentsOf: folder.url.appending(path: "data.gz")))
        let content = UserDataContent(place: "test", bytes: bytes)
        #expect(try UserDataDocument.settings(in: content).settings == ["motd": "hi"])
        // A cut file is named as such.
        let cut = UserDataContent(place: "test", bytes: Array(bytes.dropLast(9)))
        #expect {
            try UserDataDocument.settings(in: cut)
        } throws: { "\($0)".contains("ends too early") }
    }

    @Test func aBombAndTooMuchTextAreRefused() throws {
        let folder = try TemporaryDirectory()
        let text = "motd = '" + String(repeating: "x", count: 3 << 20) + "'"
        try Data(text.utf8).write(to: folder.url.appending(path: "data"))
        let plain = UserDataContent(place: "test", bytes: Array(text.utf8))
        #expect(throws: UserDataError.tooLarge(place: "test")) { try UserDataDocument.settings(in: plain) }
        #expect(try runTool("gzip", folder.file("data")).status == 0)
        let bytes = Array(try Data(contentsOf: folder.url.appending(path: "data.gz")))
        let bomb = UserDataContent(place: "test", bytes: bytes)
        #expect(throws: UserDataError.tooLarge(place: "test")) { try UserDataDocument.settings(in: bomb) }
    }

    @Test func aFaultIsNamedWithItsPlace() throws {
        #expect {
            try settings("[settings]\nmotd = \"hi\"\nnetwork = = 3\n")
        } throws: { "\($0)".contains("test") && "\($0)".contains("line 3, column 11") }
        #expect {
            try settings("{\"motd\": \"hi\",\n nothing}")
        } throws: { "\($0)".contains("line 2") }
        #expect(throws: UserDataError.self) {
            try UserDataDocument.settings(in: UserDataContent(place: "test", bytes: [0x6d, 0xff, 0xfe]))
        }
    }
}

@Suite struct UserDataTests {
    @Test func laterSourcesWinKeyByKey() async throws {
        let userData = await UserData(reading: [
            FixedSource("image", "motd = 'image'\n[network]\nhostname = 'image'"),
            FixedSource("volume", nil),
            FixedSource("credential", "[settings]\nmotd = 'credential'"),
        ])
        #expect(userData.settings.json == ["motd": "credential", "network": ["hostname": "image"]])
        #expect(userData.parts.map(\.source) == ["image", "volume", "credential"])
        #expect(userData.parts.map(\.count) == [2, 0, 1])
        #expect(userData.parts.map(\.place) == ["the image", nil, "the credential"])
    }

    @Test func aBadLineCostsOnlyItself() async throws {
        let text = """
            [settings]
            motd = "good"
            colour = "green"
            [settings.network]
            hostname = "bad name!"
            [stranger]
            x = 1
            """
        let userData = await UserData(reading: [FixedSource("credential", text)])
        #expect(userData.settings.json == ["motd": "good"])
        let problems = userData.parts[0].problems
        #expect(Set(problems.map(\.key)) == ["stranger", "settings.colour", "settings.network.hostname"])
        let bad = try #require(problems.first { $0.key == "settings.network.hostname" })
        #expect(bad.value == "\"bad name!\"")
        #expect(bad.allowed.contains("host name"))
    }

    @Test func aSourceThatFailsCostsOnlyItself() async throws {
        let error = UserDataError.unreadable(place: "somewhere", reason: "no route")
        let userData = await UserData(reading: [
            FixedSource("image", "motd = 'image'"),
            FixedSource("ec2", nil, error: error),
            FixedSource("credential", "this is no TOML"),
        ])
        #expect(userData.settings.json == ["motd": "image"])
        #expect(userData.parts[1].error == error)
        #expect(userData.parts[1].error?.mayPass == true)
        // What can't be parsed will not be better at the next boot.
        #expect(userData.parts[2].error?.mayPass == false)
    }

    @Test func aHostReadsItsSourcesInTheDocumentedOrder() {
        let sources = UserData.sources(credentials: nil, mountParent: "/tmp")
        #expect(sources.map(\.name) == ["image", "volume", "credential", "ec2"])
    }
}
