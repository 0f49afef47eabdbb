internal import JSON

/// Questions about values; all answer with a truth value and take what is not set.
let logicHelpers: [String: Helper] = [
    // `any_enabled map_or_list`: whether an object in it has `enabled` = true. Anything else is no, never an error.
    "any_enabled": Helper(1) { arguments in
        let items: [JSONValue] =
            switch arguments[0] {
            case .array(let elements): elements
            case .object(let members): Array(members.values)
            default: []
            }
        return .bool(items.contains { $0["enabled"] == .bool(true) })
    },
    // `is_null x` and its like: the kind of a value. Bottlerocket's null is a value that is not set, and so is ours.
    "is_null": Helper(1) { .bool($0[0] == nil) },
    "is_bool": Helper(1) { .bool($0[0]?.kind == "boolean") },
    "is_number": Helper(1) { .bool($0[0]?.kind == "number") },
    "is_string": Helper(1) { .bool($0[0]?.kind == "string") },
    "is_array": Helper(1) { .bool($0[0]?.kind == "array") },
    "is_object": Helper(1) { .bool($0[0]?.kind == "object") },
    // `if_not_null x`: the same as a value, for (and (if_not_null x) y); the block is {{#if_not_null x}}.
    "if_not_null": Helper(1) { .bool($0[0] != nil) },
    // `eq a b`, `ne a b`: same kind and same value; 1 and "1" differ, what is not set equals only what is not set.
    "eq": Helper(2) { .bool($0[0] == $0[1]) },
    "ne": Helper(2) { .bool($0[0] != $0[1]) },
    // `not x`, `and x y ...`, `or x y ...`: truth as {{#if}} sees it.
    "not": Helper(1) { .bool(!$0[0].isTruthy) },
    "and": Helper(2...16, { .bool($0.values.allSatisfy(\.isTruthy)) }),
    "or": Helper(2...16, { .bool($0.values.contains(where: \.isTruthy)) }),
    // `negate_or_else fallback x`: the opposite of x; the fallback, as it is, when x is not set.
    "negate_or_else": Helper(2) { arguments throws(HelperError) in
        guard let fallback = arguments[0]?.bool else { throw arguments.refusal(0, "true or false") }
        guard let value = arguments[1] else { return .bool(fallback) }
        guard let bool = value.bool else { throw arguments.refusal(1, "true or false") }
        return .bool(!bool)
    },
    // `default fallback x`: x, or the fallback when x is not set. Both are texts, numbers or truth values.
    "default": Helper(2) { arguments throws(HelperError) in
        guard try arguments.scalar(0) != nil else {
            throw arguments.refusal(0, "a text, number or truth value")
        }
        _ = try arguments.scalar(1)
        return arguments[1] ?? arguments[0]
    },
    // `has_line_feed x`: whether a text has more than one line.
    "has_line_feed": Helper(1) { arguments throws(HelperError) in
        guard arguments[0] != nil else { return .bool(false) }
        return .bool(try arguments.text(0).unicodeScalars.contains("\n"))
    },
    // `goarch x86_64`: the name of a machine in Go and OCI: amd64 or arm64.
    "goarch": Helper(1) { arguments throws(HelperError) in
        switch try arguments.text(0) {
        case "x86_64", "amd64": return "amd64"
        case "aarch64", "arm64": return "arm64"
        default: throw arguments.refusal(0, "one of x86_64, amd64, aarch64 and arm64")
        }
    },
]
