import Testing

@testable import VariantManifest

@Suite("TOML positions")
struct TOMLLocatorTests {
    private let locator = TOMLLocator(
        """
        # comment with "quotes" and [brackets]
        top = 1
        a.b."c d" = "x" # trailing
        'lit.eral' = '\\'

        multi = \"\"\"
        [not.a.table]
        key = 1 \\""\"
        end\"\"\"\"
        list = [ # why
          "one", 'two',
          [1,
           2],
          { x = 1, y = { z = [
            5 ] } },
        ]
        [table]\r
        in-table = 1979-05-27T07:32:00Z\r
        [table . "sub.key"]
        deep.er = 3.14
        [[things]]
        name = "first"
        [things.sub]
        v = 1
        [[things]]

        name = "second"
        """
    )

    @Test(
        "The line of every kind of key",
        arguments: [
            ([.key("top")], 2), ([.key("a"), .key("b"), .key("c d")], 3), ([.key("lit.eral")], 4),
            ([.key("multi")], 6), ([.key("list")], 10), ([.key("list"), .index(1)], 11),
            ([.key("list"), .index(2)], 12), ([.key("list"), .index(2), .index(1)], 13),
            ([.key("list"), .index(3), .key("x")], 14),
            ([.key("list"), .index(3), .key("y"), .key("z"), .index(0)], 15),
            ([.key("table")], 17), ([.key("table"), .key("in-table")], 18),
            ([.key("table"), .key("sub.key")], 19),
            ([.key("table"), .key("sub.key"), .key("deep"), .key("er")], 20),
            ([.key("things"), .index(0)], 21), ([.key("things"), .index(0), .key("name")], 22),
            ([.key("things"), .index(0), .key("sub"), .key("v")], 24), ([.key("things"), .index(1)], 25),
            ([.key("things"), .index(1), .key("name")], 27), ([.key("not")], 1), ([], 1),
            ([.key("table"), .key("missing")], 17),
        ] as [([TOMLStep], Int)]
    )
    func lines(_ path: [TOMLStep], _ line: Int) {
        #expect(locator.line(of: path) == line)
    }

    @Test(
        "Any text comes to an end",
        arguments: ["[", "[[", "a", "a=", "a=[", "a={", "\"", "'''", "a=\"\\", "]", "=", "a.=1", "[a\nb=1"]
    )
    func malformed(_ text: String) {
        #expect(TOMLLocator(text).line(of: [.key("zz")]) == 1)
    }
}

@Suite("Spelling")
struct SpellingTests {
    @Test(
        "Distances",
        arguments: [("", "abc", 3), ("kitten", "sitting", 3), ("ab", "ba", 1), ("same", "same", 0)]
    )
    func distance(_ left: String, _ right: String, _ expected: Int) {
        #expect(editDistance(left, right) == expected)
        #expect(editDistance(right, left) == expected)
    }

    @Test("Guesses are made for near words only")
    func guesses() {
        #expect(didYouMean("inculde", among: ["drop", "include"]) == "; did you mean 'include'?")
        #expect(didYouMean("zebra", among: ["drop", "include"]) == "")
    }
}
