import Foundation
import TestSupport
import Testing

/// `bulkhead settings` as scripts see it.
@Suite struct SettingsCommandTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    private func check(_ text: String, _ options: String...) throws -> (status: Int32, output: String) {
        let file = folder.file("user-data")
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        return try runTool(builtProgram("bulkhead"), ["settings", "check"] + options + [file])
    }

    @Test(arguments: [
        "[settings]\nmotd = \"hi\"\n[settings.network]\nhostname = \"a\"\n",
        "{\"motd\": \"hi\", \"network\": {\"hostname\": \"a\"}}",
        "\n{\"settings\": {\"motd\": \"hi\", \"network\": {\"hostname\": \"a\"}}}",
        "motd = \"hi\"\n[network]\nhostname = \"a\"\n",
        "\u{feff}[settings]\nmotd = \"hi\"\nnetwork.hostname = \"a\"\n",
    ])
    func goodUserDataIsGood(_ text: String) throws {
        let (status, output) = try check(text)
        #expect(status == 0, "\(output)")
        #expect(output == "\(folder.file("user-data")): 2 settings, all good\n")
    }

    @Test func everyProblemIsNamed() throws {
        let text = """
            top = 1
            [settings]
            motd = 42
            [settings.network]
            hostname = "a b"
            [settings.kubernetes]
            server-key = "geheim"
            [network]
            hostname = "a"
            """
        let (status, output) = try check(text)
        #expect(status == 1)
        let lines = output.split(separator: "\n")
        #expect(lines.count == 5, "\(output)")
        for key in [
            "settings.motd: 42", "settings.network.hostname: \"a b\"", "settings.kubernetes.server-key",
            "top", "network",
        ] {
            #expect(
                lines.contains { $0.hasPrefix("\(folder.file("user-data")): \(key)") },
                "\(key): \(output)"
            )
        }
        #expect(!output.contains("geheim"))
        let json = try check(text, "--json")
        #expect(json.status == 1)
        let problems = try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [[String: String]]
        #expect(problems?.count == 5)
        #expect(problems?.first { $0["key"] == "settings.motd" }?["value"] == "42")
    }

    @Test(arguments: ["", " \n", "{", "[settings", "motd = ", "{\"motd\": \"a\", \"motd\": \"b\"}", "\u{0}"])
    func whatIsNoUserDataIsAnError(_ text: String) throws {
        let (status, output) = try check(text)
        #expect(status == 1)
        #expect(output.hasPrefix("bulkhead: '\(folder.file("user-data"))'"), "\(output)")
    }

    @Test func compressedUserDataIsRead() throws {
        let file = folder.file("user-data")
        try "[settings]\nmotd = \"hi\"\n".write(toFile: file, atomically: true, encoding: .utf8)
        #expect(try runTool("gzip", [file]).status == 0)
        let (status, output) = try runTool(builtProgram("bulkhead"), "settings", "check", file + ".gz")
        #expect(status == 0 && output == "\(file).gz: 1 setting, all good\n", "\(output)")
    }

    @Test func whatStandsBesideSettingsInJSONIsNamed() throws {
        let (status, output) = try check("{\"settings\": {\"motd\": \"hi\"}, \"other\": 1}")
        #expect(status == 1)
        let lines = output.split(separator: "\n")
        #expect(lines.count == 1 && lines[0].contains(": other: "), "\(output)")
    }

    /// A host would use nothing of these.
    @Test func whatIsMoreThanAHostTakesIsAnError() throws {
        let long = try check("motd = \"hi\" #" + String(repeating: "x", count: 1 << 20))
        #expect(
            long.status == 1 && long.output.contains("longer than 1048576 bytes"),
            "\(long.output.suffix(200))"
        )
        let sysctls = (0..<6000).map { "\"net.test.key\($0)\" = \"1\"\n" }.joined()
        let modules = (0..<6000).map { "m\($0).allowed = true\n" }.joined()
        let many = try check("[settings.kernel.sysctl]\n\(sysctls)[settings.kernel.modules]\n\(modules)")
        #expect(
            many.status == 1 && many.output.contains("12000 settings of at most 10000"),
            "\(many.output.suffix(200))"
        )
    }

    @Test func aMissingFileIsAnError() throws {
        let (status, output) = try runTool(builtProgram("bulkhead"), "settings", "check", folder.file("none"))
        #expect(status == 1)
        #expect(output.contains(folder.file("none")), "\(output)")
    }

    @Test func theReferenceHasTwoForms() throws {
        let markdown = try runTool(builtProgram("bulkhead"), "settings", "reference")
        #expect(markdown.status == 0 && markdown.output.hasPrefix("# Settings\n"))
        let schema = try runTool(builtProgram("bulkhead"), "settings", "reference", "--format", "json-schema")
        #expect(schema.status == 0)
        #expect(try JSONSerialization.jsonObject(with: Data(schema.output.utf8)) is [String: Any])
        #expect(try runTool(builtProgram("bulkhead"), "settings", "reference", "--format", "pdf").status == 2)
    }
}
