import FileTree
import TestSupport
import Testing

private func patterns(_ texts: String...) throws -> [PathPattern] { try texts.map { try PathPattern($0) } }

@Suite struct FilterTests {
    private func sample() throws -> FileTree {
        var tree = FileTree()
        try tree.insert(.file("123", origin: "git"), at: "/usr/share/doc/git/copyright")
        try tree.insert(.file("12345", origin: "git"), at: "/usr/share/doc/git/contrib/x/README")
        try tree.insert(.file("1", origin: "git"), at: "/usr/share/man/man1/git.1")
        try tree.insert(.directory(origin: "overlay"), at: "/usr/share/man/empty")
        try tree.insert(.file("12", mode: 0o4755, origin: "git"), at: "/usr/bin/git")
        try tree.insert(.hardLink(to: "/usr/bin/git", origin: "git"), at: "/usr/bin/git-add")
        try tree.insert(.directory(origin: "git"), at: "/var/lib/git")
        return tree
    }

    @Test func removesWhatMatchesAndKeepsWhatIsToBeKept() throws {
        var tree = try sample()
        let removed = tree.apply(
            FilterRules(
                remove: try patterns("/usr/share/doc", "/usr/share/man/**"),
                keep: try patterns("**/copyright")
            )
        )
        #expect(
            removed.map(\.path) == [
                "/usr/share/doc/git/contrib", "/usr/share/doc/git/contrib/x",
                "/usr/share/doc/git/contrib/x/README",
                "/usr/share/man", "/usr/share/man/empty", "/usr/share/man/man1", "/usr/share/man/man1/git.1",
            ]
        )
        #expect(removed.reduce(0) { $0 + $1.bytes } == 6)
        #expect(removed.allSatisfy { $0.origin == "git" || $0.path.hasSuffix("empty") })
        #expect(tree.contains("/usr/share/doc/git/copyright"))
        #expect(tree.contains("/var/lib/git"))
    }

    @Test func directoriesThatTheFilterEmptiedGoAndThoseThatWereEmptyStay() throws {
        var tree = try sample()
        try tree.insert(.file("x", origin: "git"), at: "/opt/only/file")
        tree.apply(FilterRules(remove: try patterns("/opt/only/file")))
        #expect(!tree.contains("/opt") && tree.contains("/var/lib/git"))
    }

    @Test func bytesOfAFileCountOnceForAllItsNames() throws {
        var tree = try sample()
        var other = tree
        #expect(tree.apply(FilterRules(remove: try patterns("/usr/bin/git"))).map(\.bytes) == [0])
        #expect(tree["/usr/bin/git-add"]?.content != nil)
        let removed = other.apply(
            FilterRules(remove: try patterns("/usr/bin/git", "/usr/bin/git-*"))
        )
        #expect(removed.reduce(0) { $0 + $1.bytes } == 2)
    }

    @Test func setuidBitsAreCleared() throws {
        var tree = try sample()
        try tree.insert(.directory(mode: 0o2755, origin: "git"), at: "/var/mail")
        let changed = tree.stripSetuid()
        #expect(changed.map(\.path) == ["/usr/bin/git", "/usr/bin/git-add"])
        #expect(tree["/usr/bin/git"]?.mode == 0o755 && tree["/usr/bin/git-add"]?.mode == 0o755)
        #expect(tree["/var/mail"]?.mode == 0o2755)
        #expect(tree.stripSetuid().isEmpty)
    }
}

@Suite struct AuditTests {
    @Test func everyStandardRuleFindsItsOffender() throws {
        var tree = FileTree()
        try tree.insert(.file("x", mode: 0o755, origin: "dash"), at: "/bin/sh")
        try tree.insert(.symlink(to: "dash", origin: "dash"), at: "/usr/bin/rbash")
        try tree.insert(.file("x", mode: 0o755, origin: "perl-base"), at: "/usr/bin/perl5.40.1")
        try tree.insert(.file("x", mode: 0o755, origin: "dpkg"), at: "/usr/bin/dpkg-deb")
        try tree.insert(.file("#!/bin/sh\n", mode: 0o755, origin: "s"), at: "/usr/lib/script")
        try tree.insert(.file("#!/bin/sh\n", mode: 0o644, origin: "s"), at: "/usr/lib/notscript")
        try tree.insert(.hardLink(to: "/usr/lib/script", origin: "s"), at: "/usr/lib/script2")
        try tree.insert(.file("x", mode: 0o4755, origin: "u"), at: "/usr/lib/setuid")
        try tree.insert(.file("x", mode: 0o666, origin: "u"), at: "/usr/lib/writable")
        try tree.insert(.directory(mode: 0o1777, origin: "u"), at: "/tmp")
        try tree.insert(.directory(mode: 0o777, origin: "u"), at: "/open")
        try tree.insert(
            Node(kind: .characterDevice(major: 1, minor: 3), mode: 0o600, origin: "d"),
            at: "/dev/null"
        )
        let capable = Node(
            kind: .file(.bytes([])),
            mode: 0o755,
            xattrs: ["security.capability": [1]],
            origin: "p"
        )
        try tree.insert(capable, at: "/usr/bin/ping")
        let allowances = [
            AuditAllowance(
                rule: "file-capability",
                pattern: try PathPattern("/usr/bin/ping"),
                reason: "needs raw"
            ),
            AuditAllowance(rule: "shell", pattern: try PathPattern("/usr/bin/none"), reason: "left over"),
        ]
        let report = try tree.audit(AuditRule.standard, allowing: allowances)
        #expect(
            Set(report.findings.map(\.description)) == [
                "shell: '/usr/bin/sh' from 'dash'", "shell: '/usr/bin/rbash' from 'dash'",
                "interpreter: '/usr/bin/perl5.40.1' from 'perl-base'",
                "package-manager: '/usr/bin/dpkg-deb' from 'dpkg'",
                "script: '/usr/lib/script' from 's'", "script: '/usr/lib/script2' from 's'",
                "setuid: '/usr/lib/setuid' from 'u'", "world-writable: '/usr/lib/writable' from 'u'",
                "world-writable: '/open' from 'u'", "device-node: '/dev/null' from 'd'",
            ]
        )
        #expect(report.allowed.map(\.reason) == ["needs raw"])
        #expect(report.unused.map(\.reason) == ["left over"])
    }
}
