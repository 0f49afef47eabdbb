/// A token with which a node joins a Kubernetes cluster.
public struct BootstrapToken: TextSetting, Hashable {
    /// The token.
    public let text: String

    /// Takes a token; nil for anything else.
    public init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].consists(of: 6...6, Self.isTokenByte),
            parts[1].consists(of: 16...16, Self.isTokenByte)
        else { return nil }
        self.text = text
    }

    /// What is allowed.
    public static var shape: ValueShape {
        ValueShape(
            name: "bootstrap token",
            allowed: "6 lower case letters and digits, a dot, and 16 more",
            form: .text(pattern: Pattern.whole(#"[a-z0-9]{6}\.[a-z0-9]{16}"#), length: 23...23)
        )
    }

    private static func isTokenByte(_ byte: UInt8) -> Bool { byte.isLowercaseLetter || byte.isDigit }
}

/// A token with which a node joins a Docker swarm, as `docker swarm join-token` prints it.
public struct SwarmToken: TextSetting, Hashable {
    /// The token.
    public let text: String

    /// Takes `SWMTKN-`, a version, the digest of the CA and the secret; nil for anything else.
    public init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 4, parts[0] == "SWMTKN", parts[1] == "1" || parts[1] == "2",
            parts[2].consists(of: 50...50, { $0.isLowercaseLetter || $0.isDigit }),
            parts[3].consists(of: 25...25, { $0.isLowercaseLetter || $0.isDigit })
        else { return nil }
        self.text = text
    }

    /// What is allowed.
    public static var shape: ValueShape {
        ValueShape(
            name: "join token",
            allowed:
                "a token as 'docker swarm join-token' prints it: SWMTKN-1-<50 characters>-<25 characters>",
            form: .text(pattern: Pattern.whole("SWMTKN-[12]-[a-z0-9]{50}-[a-z0-9]{25}"), length: 85...85)
        )
    }
}

/// A set of processors as the kernel lists them: `0-3,8`.
public struct CPUSet: TextSetting, Hashable {
    /// The list.
    public let text: String

    /// Takes numbers and ranges, separated by commas; nil for anything else.
    public init?(_ text: String) {
        guard text.utf8.count <= 1024, text.isList(separatedBy: ",", Self.isRange) else { return nil }
        self.text = text
    }

    /// What is allowed.
    public static var shape: ValueShape {
        let range = "(?:0|[1-9][0-9]{0,3})(?:-(?:0|[1-9][0-9]{0,3}))?"
        return ValueShape(
            name: "set of processors",
            allowed:
                "numbers of processors and ranges from a lower to a higher one, separated by commas: 0-3,8",
            form: .text(pattern: Pattern.whole("\(range)(?:,\(range))*"), length: 1...1024)
        )
    }

    private static func isRange(_ text: Substring) -> Bool {
        let ends = text.split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count <= 2, ends.allSatisfy({ $0.isNumber(in: 0...9999) }) else { return false }
        let numbers = ends.compactMap { Int($0) }
        return numbers.count == 1 || numbers[0] <= numbers[1]
    }
}
