public import JSON

/// Which system calls a container may make: the member `linux.seccomp` of a runtime's specification.
///
/// https://github.com/opencontainers/runtime-spec/blob/v1.1.0/config-linux.md#seccomp
public struct SeccompProfile: Sendable, Equatable {
    /// What happens to calls of some names.
    public struct Rule: Sendable, Equatable {
        /// The calls, by the names of libseccomp.
        public var names: [String]
        /// The error that they end with; nil if they are allowed.
        public var errno: UInt32?
        /// What the arguments must be for the rule to hold: all of it.
        public var conditions: [Condition]

        /// A rule.
        public init(_ names: [String], errno: UInt32? = nil, conditions: [Condition] = []) {
            self.names = names
            self.errno = errno
            self.conditions = conditions
        }
    }

    /// What one argument of a call must be.
    public enum Condition: Sendable, Equatable {
        /// The argument of an index is a value.
        case equal(argument: Int, value: UInt32)
        /// The argument of an index is anything but a value.
        case notEqual(argument: Int, value: UInt32)
        /// None of the mask's bits are set in the argument of an index.
        case clear(argument: Int, mask: UInt32)
    }

    /// The names of the architectures whose calls are judged; those of all others end the process.
    public var architectures: [String]
    /// The rules; a call that none allows ends with EPERM.
    public var rules: [Rule]

    /// A profile.
    public init(architectures: [String], rules: [Rule]) {
        self.architectures = architectures
        self.rules = rules
    }

    /// The profile as JSON.
    public var json: JSONValue {
        [
            "defaultAction": "SCMP_ACT_ERRNO", "architectures": .strings(architectures),
            "syscalls": .array(rules.map(\.json)),
        ]
    }
}

extension SeccompProfile.Rule {
    fileprivate var json: JSONValue {
        var members: [String: JSONValue] = [
            "names": .strings(names), "action": errno == nil ? "SCMP_ACT_ALLOW" : "SCMP_ACT_ERRNO",
        ]
        if let errno { members["errnoRet"] = .integer(Int64(errno)) }
        if !conditions.isEmpty { members["args"] = .array(conditions.map(\.json)) }
        return .object(members)
    }
}

extension SeccompProfile.Condition {
    fileprivate var json: JSONValue {
        func condition(_ index: Int, _ value: UInt32, _ second: UInt32?, _ operation: String) -> JSONValue {
            var members: [String: JSONValue] = [
                "index": .integer(Int64(index)), "value": .integer(Int64(value)), "op": .string(operation),
            ]
            if let second { members["valueTwo"] = .integer(Int64(second)) }
            return .object(members)
        }
        return switch self {
        case .equal(let argument, let value): condition(argument, value, nil, "SCMP_CMP_EQ")
        case .notEqual(let argument, let value): condition(argument, value, nil, "SCMP_CMP_NE")
        case .clear(let argument, let mask): condition(argument, mask, 0, "SCMP_CMP_MASKED_EQ")
        }
    }
}
