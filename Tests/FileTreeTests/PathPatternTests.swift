import FileTree
import TestSupport
import Testing

@Suite struct PathPatternTests {
    @Test(arguments: [
        ("/usr/bin/env", "/usr/bin/env", true), ("/usr/bin/env", "/usr/bin/envy", false),
        ("/usr/bin/*", "/usr/bin/env", true), ("/usr/bin/*", "/usr/bin/a/b", false),
        ("/usr/bin/*", "/usr/bin", false), ("/usr/*/env", "/usr/bin/env", true),
        ("/a/*b*c", "/a/xbxbxc", true), ("/a/*b*c", "/a/xbx/c", false),
        ("/a/**", "/a/b/c", true), ("/a/**", "/a", false), ("/a/**/z", "/a/z", true),
        ("/a/**/z", "/a/b/c/z", true), ("/a/**/z", "/a/bz", false), ("/a/**z", "/a/b/cz", true),
        ("**/__pycache__/**", "/usr/lib/__pycache__/x", true), ("**.la", "/usr/lib/x.la", true),
        ("/a/?", "/a/é", true), ("/a/?", "/a/bb", false), ("/a/?", "/a//", false),
        ("/a/[a-c]x", "/a/bx", true), ("/a/[!a-c]x", "/a/bx", false), ("/a/[!a-c]x", "/a/dx", true),
        ("/a/[]]", "/a/]", true), ("/a/[a-]", "/a/-", true), ("/a/\\*", "/a/*", true),
        ("/a/\\*", "/a/b", false),
        ("/lib/modules/**", "/usr/lib/modules/6/x.ko", true),
        ("/a/**/b/**/c*e", "/a/b/b/x/cde", true), ("/a/*/b/**/d", "/a/x/b/c/e", false),
        ("/a/**/*.so", "/a/b.so/c.so", true), ("/a*/b*/c", "/ax/by/c", true), ("/**", "/", true),
    ])
    func matches(_ pattern: String, _ path: String, _ expected: Bool) throws {
        #expect(try PathPattern(pattern).matches(path) == expected)
    }

    @Test(arguments: ["", "usr/bin", "*.so", "/a[", "/a[b", "/a[z-a]", "/a\\", "/a[/]"])
    func malformedPatternsAreRefused(_ pattern: String) {
        #expect(throws: FileTreeError.self) { try PathPattern(pattern) }
    }

    @Test func manyStarsDoNotExplode() throws {
        let pattern = try PathPattern("/" + String(repeating: "**/*a", count: 20) + "b")
        #expect(!pattern.matches("/" + String(repeating: "a/a", count: 200)))
        let flat = try PathPattern("/" + String(repeating: "*a", count: 30) + "b")
        #expect(!flat.matches("/" + String(repeating: "a", count: 250)))
    }

    /// Compares with the definition, tried in all ways, over all short paths and patterns.
    @Test func agreesWithExhaustiveMatching() throws {
        func reference(_ pattern: Substring, _ path: Substring) -> Bool {
            if pattern.isEmpty { return path.isEmpty }
            if pattern.hasPrefix("/**/") {
                guard path.hasPrefix("/") else { return false }
                let rest = pattern.dropFirst(4)
                let after = path.dropFirst()
                if reference(rest, after) { return true }
                return after.indices.contains {
                    after[$0] == "/" && reference(rest, after[after.index(after: $0)...])
                }
            }
            if pattern.hasPrefix("**") {
                return (0...path.count).contains { reference(pattern.dropFirst(2), path.dropFirst($0)) }
            }
            if pattern.hasPrefix("*") {
                let reach = path.prefix { $0 != "/" }.count
                return (0...reach).contains { reference(pattern.dropFirst(), path.dropFirst($0)) }
            }
            guard let first = path.first else { return false }
            let matches = pattern.first == "?" ? first != "/" : first == pattern.first
            return matches && reference(pattern.dropFirst(), path.dropFirst())
        }
        let pieces = ["a", "b", "/", "*", "?", "**", "/**/"]
        var state: UInt64 = 42
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        for _ in 0..<4000 {
            let text = "/" + (0..<random(7)).map { _ in pieces[random(pieces.count)] }.joined()
            if text.contains("***") || text.contains("//") { continue }
            let pattern = try PathPattern(text)
            for _ in 0..<5 {
                let path = "/" + (0..<random(9)).map { _ in ["a", "b", "/"][random(3)] }.joined()
                #expect(pattern.matches(path) == reference(text[...], path[...]), "\(text) on \(path)")
            }
        }
    }
}
