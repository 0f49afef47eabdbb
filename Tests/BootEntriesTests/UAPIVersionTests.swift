import BootEntries
import Foundation
import TestSupport
import Testing

@Suite struct UAPIVersionTests {
    /// In the order of the specification's table and of systemd's documentation, oldest first.
    private let ascending = [
        "~1", "", "~", "ab", "abb", "abc", "0", "0.", "1_", "11", "122.1", "123~rc1-1", "123", "123-a",
        "123-a.1", "123-1",
        "123-1.1", "123^post1", "123.a-1", "123.1-1", "123a-1", "124-1",
    ]

    private let more = [
        "1.0", "1.00", "1.0.0", "1.0-1", "1.0~beta", "v1.0", "1..0", "1.-0", "1^", "1^.1", "1-~2", "0001",
        "1_a", "1a", "ä1",
        "99999999999999999999999", "100000000000000000000000", "1.2.3+4", "A", "a", "1.2.3~rc1~git", "-", ".",
        "^",
    ]

    /// systemd itself is asked about every pair; it exits with 0, 11 (first newer) or 12 (second newer).
    @Test func orderIsThatOfSystemd() throws {
        // All pairs of one list; of the other, whose tools' runs would take long, those near each other.
        var pairs: [(String, String)] = []
        for (versions, reach) in [(ascending, ascending.count), (more, 6)] {
            for (index, left) in versions.enumerated() {
                for right in versions[index...].prefix(reach) where !left.isEmpty && !right.isEmpty {
                    pairs.append((left, right))
                }
            }
        }
        let script = """
            while [ $# -gt 1 ]; do
                systemd-analyze compare-versions "$1" "$2" >/dev/null 2>&1; echo $?; shift 2
            done
            """
        let tool = try runTool("sh", ["-c", script, "sh"] + pairs.flatMap { [$0.0, $0.1] })
        let answers = tool.output.split(separator: "\n").compactMap { Int($0) }
        try #require(answers.count == pairs.count)
        for (pair, answer) in zip(pairs, answers) {
            let (left, right) = (UAPIVersion(pair.0), UAPIVersion(pair.1))
            let ours = left == right ? 0 : left > right ? 11 : 12
            #expect(ours == answer, "\(pair)")
            #expect((left < right) == (right > left))
        }
    }

    @Test func sortingGivesTheNewestLast() {
        let release = ["1.9.0", "1.10.0", "1.10.0~rc1", "1.2", "2.0"].map(UAPIVersion.init).sorted()
        #expect(release.map(\.text) == ["1.2", "1.9.0", "1.10.0~rc1", "1.10.0", "2.0"])
        #expect(UAPIVersion("") < UAPIVersion("a"))
        #expect(UAPIVersion("") == UAPIVersion(""))
        #expect(UAPIVersion("~") < UAPIVersion(""))
    }
}
