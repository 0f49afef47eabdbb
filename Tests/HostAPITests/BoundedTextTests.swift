import Foundation
import JSON
import Testing

@testable import HostAPI

@Suite struct BoundedTextTests {
    @Test(
        arguments: [
            ("", ""), ("a\n\tb", "a\n\tb"), ("12345678901234567890123456", "12345678901234567890123456"),
            // 27 bytes for 26.
            ("123456789012345678901234567", "1234... (cut, of 27 bytes)"),
            ("\u{1b}[2J\r\u{9b}", "\\u{1b}[2J\\u{d}\\u{9b}"),
            // Escapes count, too.
            ("\u{1b}\u{1b}\u{1b}\u{1b}\u{1b}", "... (cut, of 5 bytes)"),
        ]
    )
    func bounds(_ text: String, _ expected: String) {
        let bounded = text.bounded(to: 26)
        #expect(bounded == expected)
        #expect(bounded.bounded(to: 26) == bounded)
    }

    @Test(arguments: ["e\u{301}", "👩‍👩‍👧", "\r\n", "ü", "\u{0}"])
    func cutsBetweenCharacters(_ character: String) throws {
        let shown = character.bounded(to: 100)
        for limit in 100...140 {
            let bounded = String(repeating: character, count: 200).bounded(to: limit)
            let end = try #require(bounded.range(of: "... (cut, of \(200 * character.utf8.count) bytes)"))
            #expect(end.upperBound == bounded.endIndex)
            #expect(bounded.utf8.count <= limit && bounded.utf8.count > limit - shown.utf8.count)
            let count = bounded[..<end.lowerBound].utf8.count / shown.utf8.count
            #expect(bounded[..<end.lowerBound] == String(repeating: shown, count: count))
        }
    }

    /// However it gets there, and over the wire.
    @Test func errorsOfContainers() throws {
        let long = String(repeating: "no route to \u{7}", count: 1000)
        var status = HostContainerStatus(
            name: "admin",
            kind: .host,
            desired: .running,
            state: .failed,
            image: .init(source: "localhost/admin"),
            since: Timestamp(seconds: 1),
            lastError: long
        )
        let first = try #require(status.lastError)
        #expect(first.utf8.count <= HostContainerStatus.maximumErrorLength)
        #expect(first.hasPrefix("no route to \\u{7}no") && first.hasSuffix("(cut, of 13000 bytes)"))
        status.lastError = nil
        #expect(status.lastError == nil)
        status.lastError = long
        #expect(status.lastError == first)
        #expect(try HostContainerStatus(json: JSONValue(parsing: status.json.description)) == status)
    }
}
