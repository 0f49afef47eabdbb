import Foundation
@testable import JSON
import Testing

@Suite struct JSONTests {
    static let documents: [(String, JSONValue)] = [
        ("{}", [:]),
        (" [1, -2, 0, 9223372036854775807] ", [1, -2, 0, 9_223_372_036_854_775_807]),
        (#"{"a":{"b":[true,false,null]}}"#, ["a": ["b": [true, false, nil]]]),
        (#""A\n\"\\\/\u0041\ud83d\ude00é""#, "A\n\"\\/A\u{1f600}é"),
        ("1.5", .number(1.5)), ("1.0", .number(1)), ("-0.25e2", .number(-25)), ("1E+2", .number(100)),
    ]

    @Test(arguments: documents)
    func readsWhatTheGrammarAllows(text: String, expected: JSONValue) throws {
        let value = try JSONValue(parsing: text)
        #expect(value == expected)
        #expect(try JSONValue(parsing: value.description) == expected)
        #expect(try JSONValue(parsing: value.prettyText) == expected)
    }

    @Test(arguments: [
        "", " ", "{", "[1,]", "{\"a\":1,}", "{a:1}", "01", "1.", ".5", "+1", "1e", "tru", "nul", "NaN", "'a'",
        "[1 2]",
        "\"\n\"", "\"\\x\"", "\"\\u12\"", "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\"", "{} {}",
        "//\n1", "[1]]",
        "99999999999999999999", "1e999", "{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2}", "\"abc",
    ])
    func refusesWhatItDoesNot(text: String) {
        #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
    }

    @Test func saysWhereTheFaultIs() {
        #expect(throws: JSONError(reason: .duplicateName("b"), line: 3, column: 2)) {
            try JSONValue(parsing: "{\"a\": 1,\n \"b\": 2,\n \"b\": 3}")
        }
        #expect(throws: JSONError(reason: .invalidUTF8, line: 1, column: 2)) {
            try JSONValue(parsing: [0x5b, 0x22, 0xff, 0x22, 0x5d] as [UInt8])
        }
    }

    /// A name in an error goes to consoles and journals: it is cut, and does nothing to a terminal.
    @Test func errorsShowNamesHarmlessly() throws {
        let name = "\u{1b}[2J\u{9b}1m\u{202e}\n" + String(repeating: "x", count: 100_000)
        let member = "\(JSONValue.quoted(name)):1"
        let error = #expect(throws: JSONError.self) { try JSONValue(parsing: "{\(member),\(member)}") }
        let text = try #require(error).description
        #expect(text.utf8.count < 300)
        #expect(text.unicodeScalars.allSatisfy { (" "..."~").contains($0) }, "\(text)")
        #expect(text.contains("\\u{1b}[2J") && text.contains("xxx...\""))
    }

    /// Texts that Unicode calls equivalent are different texts: what one of them replaces has changed.
    @Test func textsAreComparedByTheirBytes() throws {
        let (composed, decomposed) = ("\u{e9}", "e\u{301}")
        #expect(composed == decomposed)
        #expect(JSONValue.string(composed) != .string(decomposed))
        #expect(JSONValue.string(composed) == .string("\u{e9}"))
        #expect(JSONValue.array([.string(composed)]) != [.string(decomposed)])
        #expect(JSONValue.object(["a": .string(composed)]) != ["a": .string(decomposed)])
        #expect(JSONValue.object([composed: 1]) != [decomposed: 1])
        #expect(JSONValue.object([composed: 1, "b": 2]) == ["b": 2, composed: 1])
        #expect(JSONValue.object(["a": 1]) != ["a": 2] && JSONValue.object(["a": 1]) != ["b": 1])
        #expect(JSONValue.object(["a": 1]) != ["a": 1, "b": 1] && JSONValue.integer(1) != .number(1))
        #expect(Set([JSONValue.string(composed), .string(decomposed), .string(composed)]).count == 2)
        // An object can't hold both names, so they are refused rather than one of them lost.
        #expect(throws: JSONError.self) {
            try JSONValue(parsing: "{\"\(composed)\":1,\"\(decomposed)\":2}")
        }
    }

    @Test func limitsHold() throws {
        let limits = JSONLimits(bytes: 100, depth: 3, values: 5)
        #expect(try JSONValue(parsing: "[[[]]]", limits: limits) == [[[]]])
        #expect(throws: JSONError(reason: .tooDeep(limit: 3), line: 1, column: 4)) {
            try JSONValue(parsing: "[[[[]]]]", limits: limits)
        }
        #expect(throws: JSONError(reason: .tooManyValues(limit: 5), line: 1, column: 10)) {
            try JSONValue(parsing: "[1,1,1,1,1]", limits: limits)
        }
        #expect(throws: JSONError(reason: .tooLong(limit: 100), line: 1, column: 1)) {
            try JSONValue(parsing: String(repeating: " ", count: 101), limits: limits)
        }
        #expect(throws: JSONError.self) { try JSONValue(parsing: String(repeating: "[", count: 100_000)) }
    }

    /// Every cut and every changed byte of a document is read or refused, never a trap; Foundation agrees on validity.
    @Test func agreesWithFoundation() throws {
        let document = Array(#"{"a\u0020b":[1,-2.5e3,"\ud83d\ude00é",{"c":null}],"d":true}"#.utf8)
        for length in 0..<document.count {
            #expect(throws: JSONError.self) { try JSONValue(parsing: document.prefix(length)) }
        }
        for index in document.indices {
            for bit in 0..<8 {
                var changed = document
                changed[index] ^= 1 << bit
                let ours = try? JSONValue(parsing: changed)
                // Foundation, which keeps one of two equal names and takes NUL bytes as UTF-16, is asked one way.
                if ours != nil {
                    #expect(throws: Never.self) {
                        try JSONSerialization.jsonObject(with: Data(changed), options: .fragmentsAllowed)
                    }
                }
            }
        }
    }

    @Test func textIsCanonical() {
        let value: JSONValue = ["b": [1, .number(2)], "a": "x\u{1}\u{7f}", "c": [:]]
        #expect(value.description == #"{"a":"x\u0001\u007f","b":[1,2.0],"c":{}}"#)
        #expect(
            value.prettyText
                == "{\n  \"a\": \"x\\u0001\\u007f\",\n  \"b\": [\n    1,\n    2.0\n  ],\n  \"c\": {}\n}"
        )
    }
}
