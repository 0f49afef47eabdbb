import Foundation
import TestSupport
import Testing

@testable import Debian

struct DebianVersionTests {
    private static let versions = [
        "0", "00", "1", "1.0", "1.00", "1.0-0", "1.0-1", "1.0-1~", "1.0-1~deb13u1", "1.0-1+b1",
        "1.0-1+deb13u1",
        "1.0~rc1-1", "1.0~~", "1.0~", "1.0+dfsg", "1.0a", "1.0A", "1.0.1", "1.10", "1.9", "0:1.0", "1:0.1",
        "2:1.02.196-2", "10:1", "1-2-3", "1-2-10", "257.13-1~deb13u1", "9223372036854775808",
        "123456789012345678901",
        "1.0-a", "1.0-+", "1.0-.", "1:1.3.dfsg+really1.3.1-1+b1", "2.41-12+deb13u4", "6.12.9-1~bpo12+1",
    ]

    @Test func theOrderIsThatOfDpkg() throws {
        var pairs: [(String, String)] = []
        for one in Self.versions { for other in Self.versions { pairs.append((one, other)) } }
        var state: UInt64 = 42
        func random(_ count: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(count))
        }
        let alphabet = Array("0019~~++..aZ-")
        func version() -> String {
            "1" + String((0..<random(7)).map { _ in alphabet[random(alphabet.count)] })
        }
        for _ in 0..<600 { pairs.append((version(), version())) }
        pairs.removeAll { DebianVersion($0.0) == nil || DebianVersion($0.1) == nil }
        #expect(pairs.count > 1600)

        let script =
            #"while read -r a b; do if dpkg --compare-versions "$a" lt "$b"; then echo "<"; "#
            + #"elif dpkg --compare-versions "$a" eq "$b"; then echo "="; else echo ">"; fi; done <"$0""#
        let directory = try TemporaryDirectory()
        let file = directory.file("pairs")
        try pairs.map { "\($0.0) \($0.1)\n" }.joined().write(toFile: file, atomically: true, encoding: .utf8)
        let golden = try runTool("sh", "-c", script, file).output.split(separator: "\n")
        try #require(golden.count == pairs.count)
        for ((one, other), expected) in zip(pairs, golden) {
            let left = try #require(DebianVersion(one))
            let right = try #require(DebianVersion(other))
            let found = left < right ? "<" : left == right ? "=" : ">"
            #expect(found == expected, "\(one) and \(other)")
            if left == right { #expect(left.hashValue == right.hashValue) }
        }
    }

    @Test(arguments: [
        "", "a", ":1", "1:", "x:1", "1.0-", "1 0", "1.0/2", "ü1", "-1", "4294967296:1", "1.0_2", "1\n",
    ])
    func malformedVersionsAreRefused(text: String) {
        #expect(DebianVersion(text) == nil)
    }

    @Test func thePartsAreToldApart() throws {
        let version = try #require(DebianVersion("2:1.02-196-2+b1"))
        #expect(version.epoch == 2)
        #expect(version.upstream == "1.02-196")
        #expect(version.revision == "2+b1")
        #expect(version.description == "2:1.02-196-2+b1")
        #expect(DebianVersion(String(repeating: "1", count: 255)) != nil)
        #expect(DebianVersion(String(repeating: "1", count: 256)) == nil)
    }
}
