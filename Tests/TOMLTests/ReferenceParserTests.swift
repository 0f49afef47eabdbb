import Foundation
import JSON
import TOML
import TestSupport
import Testing

/// What Python's tomllib says of the same documents.
@Suite struct ReferenceParserTests {
    private static let program = #"""
        import datetime, json, sys, tomllib
        def text(value):
            return value.isoformat().replace("+00:00", "Z") if hasattr(value, "isoformat") else value
        answers = []
        for document in json.load(open(sys.argv[1], "rb")):
            try:
                answers.append(tomllib.loads(document))
            except (tomllib.TOMLDecodeError, ValueError):
                answers.append(None)
        json.dump(answers, sys.stdout, default=text, allow_nan=False)
        """#

    private static let corpus = [
        "a = 1\n[b.c]\nd = [1, 'x', {y = 2}]\n[[e.f]]\ng = 1\n[[e.f]]\n",
        "a.b.c = 1\na.b.d = 2\n[a2]\n'k.l'.m = \"\\u00e9\"",
        "s = \"\"\"\\\n  a \\\n\n b\"\"\"\nt = '''\n'x'''''\n",
        "d = 2020-01-01\ne = 10:11:12\nf = 2020-01-01T10:11:12Z\ng = 2020-01-01 10:11:12-03:30",
        "i = [0x1F, 0o17, 0b11, 1_0, -5, +6]\nf = [1.5, 1e3, -2.5E-3]\nb = [true, false]",
        "[x.y]\n[x]\nz = {a.b = 1, c = [[], [1]]}\n[x.y.w]\n",
    ]

    /// The corpus, and the corpus with single characters changed: both readers take the same and refuse the same.
    @Test func agreesOnDamagedDocuments() throws {
        var documents = Self.corpus
        let characters = Array("[]{}.=\"'\\,#\n -+:_0aeE1TZ")
        for text in Self.corpus {
            let original = Array(text)
            for position in original.indices {
                for number in 0..<3 {
                    var changed = original
                    changed[position] = characters[(position * 7 + number * 11) % characters.count]
                    documents.append(String(changed))
                }
            }
        }
        let folder = try TemporaryDirectory()
        let input = JSONValue.array(documents.map { .string($0) }).description
        try Data(input.utf8).write(to: folder.url.appending(path: "documents.json"))
        let (status, output) = try runTool("python3", "-c", Self.program, folder.file("documents.json"))
        try #require(status == 0, "\(output)")
        let answers = try #require(
            try JSONValue(parsing: output, limits: JSONLimits(bytes: 1 << 24)).elements
        )
        try #require(answers.count == documents.count)
        var accepted = 0
        for (document, answer) in zip(documents, answers) {
            let ours = try? JSONValue(parsingTOML: document)
            #expect(ours ?? .null == answer, "\(document)")
            if ours != nil { accepted += 1 }
        }
        // Both kinds must be there, or the test says nothing.
        #expect(accepted > 100 && accepted < documents.count - 100)
    }
}
