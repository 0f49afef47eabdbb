import Testing

import Presentation

@Suite struct TextTests {
    @Test func sizesHaveThreeDigits() {
        let cases: [(UInt64, String)] = [
            (0, "0 B"), (1023, "1023 B"), (1024, "1.00 KiB"), (1536, "1.50 KiB"), (10_229, "9.99 KiB"),
            (10_240, "10.0 KiB"), (102_400, "100 KiB"), (1_048_575, "1.00 MiB"), (2 << 30, "2.00 GiB"),
            (.max, "16.0 EiB"),
        ]
        for (bytes, text) in cases { #expect(HumanText.size(bytes) == text) }
    }

    @Test func numbersAreGrouped() {
        #expect([0, 999, 1000, 1_234_567].map(HumanText.grouped) == ["0", "999", "1 000", "1 234 567"])
        #expect(HumanText.change(10, 5) == "-5 B")
        #expect(HumanText.change(5, 5) == "0")
        #expect(HumanText.change(0, 2048) == "+2.00 KiB")
        #expect(HumanText.count(1, "block") == "1 block")
        #expect(HumanText.count(2000, "block") == "2 000 blocks")
    }

    @Test func columnsAreAligned() {
        var table = TextTable([("Name", .left), ("Size", .right), ("", .left)])
        table.add("a", "1", "x")
        table.add("größer", "1000", "")
        #expect(table.lines() == ["  Name    Size", "  a          1  x", "  größer  1000"])
        #expect(TextTable(alignments: []).lines() == [])
    }

    @Test func textOfAnImageCannotSteerTheTerminal() {
        #expect(HumanText.safe("a\u{1b}[2Jb\u{202e}ü\n") == "a\\u{1b}[2Jb\\u{202e}ü\\u{a}")
    }
}
