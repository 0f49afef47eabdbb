/// The key of a label of a Kubernetes node: a name, perhaps behind a domain and a slash.
public struct LabelKey: TextSetting, Hashable {
    /// The key.
    public let text: String

    /// Takes a key; nil for anything else.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard let name = parts.last, parts.count <= 2, name.isLabelName else { return nil }
        if parts.count == 2 {
            guard parts[0].utf8.count <= 253,
                parts[0].isList(
                    separatedBy: ".",
                    { label in
                        label.isDNSLabel && !label.utf8.contains(where: \.isUppercaseLetter)
                    }
                )
            else { return nil }
        }
        self.text = text
    }

    /// What is allowed.
    public static var shape: ValueShape {
        let label = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
        return ValueShape(
            name: "label key",
            allowed:
                "1 to 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends, perhaps behind a domain and '/'",
            form: .text(
                pattern: Pattern.whole(#"(?:\#(label)(?:\.\#(label))*/)?\#(labelName)"#),
                length: 1...317
            )
        )
    }
}

/// The value of a label of a Kubernetes node; it may be empty.
public struct LabelValue: TextSetting, Hashable {
    /// The value.
    public let text: String

    /// Takes a value; nil for anything else.
    public init?(_ text: String) {
        guard text.isEmpty || text.isLabelName else { return nil }
        self.text = text
    }

    /// What is allowed.
    public static var shape: ValueShape {
        ValueShape(
            name: "label value",
            allowed:
                "empty, or 1 to 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends",
            form: .text(pattern: Pattern.whole("(?:\(labelName))?"), length: 0...63)
        )
    }
}

/// The value and the effect of a taint of a Kubernetes node: `value:NoSchedule`.
public struct TaintValue: TextSetting, Hashable {
    /// The value and the effect.
    public let text: String

    /// Takes a value, which may be empty, and one of the three effects; nil for anything else.
    public init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].isEmpty || parts[0].isLabelName,
            Self.effects.contains(String(parts[1]))
        else { return nil }
        self.text = text
    }

    /// What is allowed.
    public static var shape: ValueShape {
        ValueShape(
            name: "taint",
            allowed:
                "a label value, ':' and one of NoSchedule, PreferNoSchedule, NoExecute: dedicated:NoSchedule",
            form: .text(
                pattern: Pattern.whole("(?:\(labelName))?:(?:\(effects.joined(separator: "|")))"),
                length: 10...81
            )
        )
    }

    private static let effects = ["NoSchedule", "PreferNoSchedule", "NoExecute"]
}

/// The name of a Kubernetes cluster.
public struct ClusterName: TextSetting, Hashable {
    /// The name.
    public let text: String

    /// Takes a name; nil for anything else.
    public init?(_ text: String) {
        guard text.consists(of: 1...100, { $0.isAlphanumeric || $0.isOne(of: "-_") }),
            text.utf8.first?.isAlphanumeric == true
        else { return nil }
        self.text = text
    }

    /// What is allowed.
    public static var shape: ValueShape {
        ValueShape(
            name: "cluster name",
            allowed: "1 to 100 letters, digits, '-' and '_', beginning with a letter or digit",
            form: .text(pattern: Pattern.whole("[A-Za-z0-9][A-Za-z0-9_-]{0,99}"), length: 1...100)
        )
    }
}

private let labelName = "[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"

extension StringProtocol {
    fileprivate var isLabelName: Bool {
        consists(of: 1...63) { $0.isAlphanumeric || $0.isOne(of: "-_.") }
            && first.map { !"-_.".contains($0) } == true && last.map { !"-_.".contains($0) } == true
    }
}
