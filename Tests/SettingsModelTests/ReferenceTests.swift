import Foundation
import JSON
import SettingsModel
import TOML
import TestSupport
import Testing

/// docs/settings.md and docs/settings.schema.json: made from the model, and true.
@Suite struct ReferenceTests {
    static let documents = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "docs").path

    @Test func thePagesAreWhatTheModelSays() throws {
        for (name, text) in [
            ("settings.md", SettingsReference.markdown),
            ("settings.schema.json", SettingsReference.jsonSchemaText),
        ] {
            let page = try? String(contentsOfFile: "\(Self.documents)/\(name)", encoding: .utf8)
            // Without the texts, which are long.
            let isCurrent = page == text
            #expect(isCurrent, "docs/\(name) is not what the model says: run 'make docs'")
        }
    }

    /// The user data of the reference is TOML, and all of it is what the model takes.
    @Test func theUserDataOfTheReferenceIsGood() throws {
        let blocks = SettingsReference.markdown.components(separatedBy: "```toml\n").dropFirst()
            .compactMap { $0.components(separatedBy: "```").first }
        #expect(blocks.count == Settings.fields.count)
        var whole = SettingsDocument()
        for block in blocks {
            let json = try JSONValue(parsingTOML: block)
            let (good, problems) = SettingsDocument.sift(try #require(json["settings"]))
            #expect(problems.isEmpty, "\(problems)")
            whole = whole.merging(good)
        }
        #expect(whole.values.count > 130)
        let folder = try TemporaryDirectory()
        try blocks.joined().write(toFile: folder.file("all.toml"), atomically: true, encoding: .utf8)
        let (status, output) = try runTool(
            "python3",
            [
                "-c", "import sys, tomllib; print(len(tomllib.load(open(sys.argv[1], 'rb'))['settings']))",
                folder.file("all.toml"),
            ]
        )
        #expect(status == 0, "\(output)")
        #expect(output == "\(Settings.fields.count)\n")
    }

    /// The Python package `jsonschema` is the judge: of the schema, of what it takes and of what it refuses.
    @Test func anotherValidatorAgrees() throws {
        var good: [JSONValue] = [SettingsReference.example, [:]]
        let example = try SettingsDocument(checking: SettingsReference.example)
        good.append(example.json)
        for (key, value) in example.values { good.append(SettingsDocument([key: value]).json) }
        let program = #"""
            import json, sys
            from jsonschema import Draft202012Validator
            schema, good, bad = (json.load(open(path)) for path in sys.argv[1:4])
            Draft202012Validator.check_schema(schema)
            validator = Draft202012Validator(schema)
            failed = False
            for document in good:
                for error in validator.iter_errors(document):
                    failed = True
                    print("refused:", list(error.absolute_path), error.message[:300])
            for document in bad:
                if validator.is_valid(document):
                    failed = True
                    print("taken:", json.dumps(document))
            print(len(good), "good,", len(bad), "bad")
            sys.exit(failed)
            """#
        let bad = single(ModelTests.badDocument, [])
        #expect(bad.count > 40)
        for document in bad {
            #expect(!SettingsDocument.sift(document).problems.isEmpty, "\(document)")
        }
        let folder = try TemporaryDirectory()
        for (name, text) in [
            ("schema", SettingsReference.jsonSchemaText), ("good", JSONValue.array(good).description),
            ("bad", JSONValue.array(bad).description),
        ] {
            try text.write(toFile: folder.file(name), atomically: true, encoding: .utf8)
        }
        let venv = ProcessInfo.processInfo.environment["BULKHEAD_VENV"].map { "\($0)/bin/python3" }
        let candidates = [venv, "python3"].compactMap { $0 }
        let python = try candidates.first { try runTool($0, "-c", "import jsonschema").status == 0 }
        let found = try #require(python, "no Python package 'jsonschema': pip install jsonschema")
        let (status, output) = try runTool(
            found,
            ["-c", program, folder.file("schema"), folder.file("good"), folder.file("bad")]
        )
        #expect(status == 0, "\(output)")
    }

    @Test func nothingOfTheMachineIsInThePages() {
        for text in [SettingsReference.markdown, SettingsReference.jsonSchemaText] {
            #expect(!text.contains("/tmp/") && !text.contains("/work/") && !text.contains("/home/"))
        }
    }

    /// Documents that have one leaf each of another one.
    private func single(_ json: JSONValue, _ path: [String]) -> [JSONValue] {
        if let members = json.members, !members.isEmpty {
            return members.sorted { $0.key < $1.key }.flatMap { single($0.value, path + [$0.key]) }
        }
        return [path.reversed().reduce(json) { .object([$1: $0]) }]
    }
}
