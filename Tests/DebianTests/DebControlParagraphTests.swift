import Testing

@testable import Debian

@Suite struct DebControlParagraphTests {
    @Test func fieldsAndContinuationLinesAreRead() throws {
        let text = """
            # a comment
            Package: git
            Description: fast, scalable
             First line
              indented
             .
             Last\u{20}
            Replaces: gitweb (<< 1:1.7.4~rc1), git-core:any|other [amd64],
             third
            Empty:

            Package: two
            """
        let all = try ControlParagraph.parseAll(text, source: "test")
        #expect(all.count == 2)
        #expect(all[0].fields.map(\.name) == ["Package", "Description", "Replaces", "Empty"])
        #expect(all[0]["description"] == "fast, scalable\nFirst line\n indented\n.\nLast")
        #expect(all[0]["EMPTY"] == "")
        #expect(all[0]["none"] == nil)
        #expect(all[0].packageNames(in: "Replaces") == ["gitweb", "git-core", "other", "third"])
        #expect(all[1]["Package"] == "two")
    }

    @Test(arguments: [
        ("Package", 1), (" continuation: x", 1), ("A: 1\nB: 2\na: 3", 3), (": x", 1), ("A B: x", 1),
        ("A: 1\n\n\nbad", 4),
    ])
    func malformedTextIsRefusedWithItsLine(_ text: String, _ line: Int) {
        let error = #expect(throws: DebError.self) { try ControlParagraph.parseAll(text, source: "file") }
        #expect(error?.description.hasPrefix("file:\(line): ") ?? false, "\(String(describing: error))")
    }

    @Test func exactlyOneParagraphIsOneParagraph() {
        #expect(throws: DebError.self) { try ControlParagraph(parsing: "", source: "x") }
        #expect(throws: DebError.self) { try ControlParagraph(parsing: "A: 1\n\nB: 2", source: "x") }
    }
}
