/// A condition that no entry of a finished tree may meet.
public struct AuditRule: Sendable {
    /// What is looked at: the entry, and the first bytes of a file when the rule asks for them.
    public typealias Predicate = @Sendable (_ path: String, _ node: Node, _ head: [UInt8]) -> Bool

    /// Short name, as findings and allow lists give it.
    public let name: String
    /// What the rule is for, in one sentence.
    public let explanation: String
    /// Whether the predicate looks at the first bytes of executable files.
    public let readsHead: Bool
    let predicate: Predicate

    /// Takes a rule; `readsHead` makes the first 128 bytes of files with an execute bit available.
    public init(name: String, explanation: String, readsHead: Bool = false, predicate: @escaping Predicate) {
        self.name = name
        self.explanation = explanation
        self.readsHead = readsHead
        self.predicate = predicate
    }

    /// A rule that forbids paths of files and symlinks by patterns.
    public static func forbidden(name: String, explanation: String, paths patterns: [PathPattern])
        -> AuditRule
    {
        AuditRule(name: name, explanation: explanation) { path, node, _ in
            !node.isDirectory && patterns.contains { $0.matches(path) }
        }
    }
}

/// An entry that meets an audit rule.
public struct AuditFinding: Sendable, Equatable, CustomStringConvertible {
    /// Name of the rule.
    public let rule: String
    /// Where the entry is.
    public let path: String
    /// Who brought it.
    public let origin: String

    /// The finding as one line.
    public var description: String { "\(rule): '\(path)' from '\(origin)'" }
}

/// An exception from an audit rule, with its reason.
public struct AuditAllowance: Sendable, Hashable {
    /// Name of the rule; nil for all rules.
    public let rule: String?
    /// Which paths.
    public let pattern: PathPattern
    /// Why it is right to have them, for the report.
    public let reason: String

    /// Takes an exception.
    public init(rule: String? = nil, pattern: PathPattern, reason: String) {
        self.rule = rule
        self.pattern = pattern
        self.reason = reason
    }
}

/// What an audit found.
public struct AuditReport: Sendable {
    /// What must not be; empty when the tree is good.
    public var findings: [AuditFinding] = []
    /// What an allowance excused.
    public var allowed: [(finding: AuditFinding, reason: String)] = []
    /// Allowances that excused nothing and should be removed.
    public var unused: [AuditAllowance] = []
}

extension FileTree {
    /// Bytes of a file that rules see.
    public static let auditHeadSize = 128

    /// Holds every entry against every rule.
    ///
    /// - Throws: `FileTreeError` when content cannot be read.
    public func audit(
        _ rules: [AuditRule],
        allowing allowances: [AuditAllowance] = []
    ) throws(FileTreeError) -> AuditReport {
        var report = AuditReport()
        var used: Set<AuditAllowance> = []
        let readsHead = rules.contains { $0.readsHead }
        for (path, node) in self {
            var head: [UInt8] = []
            if readsHead, node.mode & 0o111 != 0, let content = content(at: path) {
                head = try content.prefix(Self.auditHeadSize)
            }
            for rule in rules where rule.predicate(path, node, rule.readsHead ? head : []) {
                let finding = AuditFinding(rule: rule.name, path: path, origin: node.origin)
                let allowance = allowances.first {
                    ($0.rule == nil || $0.rule == rule.name) && $0.pattern.matches(path)
                }
                if let allowance {
                    used.insert(allowance)
                    report.allowed.append((finding, allowance.reason))
                } else {
                    report.findings.append(finding)
                }
            }
        }
        report.unused = allowances.filter { !used.contains($0) }
        return report
    }
}

extension AuditRule {
    /// What holds for every image: no shell, interpreter, package manager, script, or privilege by file mode.
    public static var standard: [AuditRule] {
        [
            shells, interpreters, packageManagers, scripts, setuid, fileCapabilities, worldWritable,
            deviceNodes,
        ]
    }

    /// Command interpreters that give a login or run shell scripts.
    public static let shells = programs(
        name: "shell",
        explanation: "the image has no shell, so that an intruder finds none",
        [
            "sh", "bash", "rbash", "dash", "ash", "zsh", "zsh[0-9]*", "rzsh", "ksh", "ksh[0-9]*", "rksh",
            "mksh*",
            "lksh", "csh", "tcsh", "bsd-csh", "fish", "yash", "posh", "sash", "es", "rc", "elvish", "nu",
            "xonsh",
            "busybox", "busybox.*", "toybox", "*-busybox",
        ]
    )

    /// Language interpreters.
    public static let interpreters = programs(
        name: "interpreter",
        explanation: "the image has no interpreter, so that only what was built into it can run",
        [
            "perl", "perl5*", "python", "python[0-9]*", "pypy*", "ruby", "ruby[0-9]*", "lua", "lua[0-9]*",
            "luajit*",
            "tclsh*", "wish*", "expect", "node", "nodejs", "php", "php[0-9]*", "awk", "gawk", "mawk", "nawk",
            "original-awk", "guile*", "gdb", "gdbserver", "java", "qjs", "deno", "bun", "m4", "bc", "dc",
            "ed", "vim*",
            "vi", "emacs*", "systemtap*", "bpftrace",
        ]
    )

    /// Programs that install packages.
    public static let packageManagers = programs(
        name: "package-manager",
        explanation: "the image is changed only by an update of the whole",
        [
            "dpkg", "dpkg-*", "apt", "apt-*", "aptitude", "debconf*", "rpm", "yum", "dnf*", "zypper",
            "pacman", "apk",
            "snap", "flatpak", "pip*", "gem", "npm", "cargo", "update-alternatives", "deb-systemd-*",
        ]
    )

    /// Executable files that start with `#!`.
    public static let scripts = AuditRule(
        name: "script",
        explanation: "a script needs an interpreter, which the image does not have",
        readsHead: true
    ) { _, _, head in
        head.starts(with: [UInt8(ascii: "#"), UInt8(ascii: "!")])
    }

    /// Files that run with the rights of their owner or group.
    public static let setuid = AuditRule(
        name: "setuid",
        explanation: "no file gives rights that its caller does not have"
    ) { _, node, _ in
        !node.isDirectory && node.symlinkTarget == nil && node.mode & 0o6000 != 0
    }

    /// Files that gain capabilities when they are run.
    public static let fileCapabilities = AuditRule(
        name: "file-capability",
        explanation: "no file gives rights that its caller does not have"
    ) { _, node, _ in
        node.xattrs["security.capability"] != nil
    }

    /// What everybody may write to, but for sticky directories.
    public static let worldWritable = AuditRule(
        name: "world-writable",
        explanation: "nothing can be written by everybody, except in sticky directories"
    ) { _, node, _ in
        if node.symlinkTarget != nil || node.mode & 0o002 == 0 { return false }
        return !(node.isDirectory && node.mode & 0o1000 != 0)
    }

    /// Device nodes, which only the kernel's devtmpfs may hold.
    public static let deviceNodes = AuditRule(
        name: "device-node",
        explanation: "devices come from the kernel's devtmpfs, never from the image"
    ) { _, node, _ in
        switch node.kind {
        case .characterDevice, .blockDevice: true
        default: false
        }
    }

    /// Forbids programs by name, wherever programs are looked for.
    private static func programs(name: String, explanation: String, _ names: [String]) -> AuditRule {
        let directories = ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/usr/games"]
        let patterns = directories.flatMap { directory in
            names.compactMap { try? PathPattern("\(directory)/\($0)") }
        }
        return forbidden(name: name, explanation: explanation, paths: patterns)
    }
}
