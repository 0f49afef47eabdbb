/// Patterns of target paths, as delegations write them: shell wildcards that never match a "/".
public enum PathPattern {
    /// Whether a path matches a pattern.
    ///
    /// `*` is any number of characters, `?` one, `[abc]`, `[a-c]` and `[!a]` one of a set, all within one segment
    /// of the path; upper and lower case differ.
    public static func matches(_ pattern: String, path: String) -> Bool {
        let pattern = segments(pattern)
        let path = segments(path)
        guard pattern.count == path.count else { return false }
        return zip(pattern, path).allSatisfy { matches(ArraySlice($0), ArraySlice($1)) }
    }

    private static func segments(_ text: String) -> [ArraySlice<Unicode.Scalar>] {
        Array(text.unicodeScalars).split(separator: "/", omittingEmptySubsequences: false)
    }

    /// Matches one segment; goes back to the last star only, so the time is bounded by the product of the lengths.
    private static func matches(_ pattern: ArraySlice<Unicode.Scalar>, _ text: ArraySlice<Unicode.Scalar>)
        -> Bool
    {
        var pattern = pattern
        var text = text
        var afterStar: (pattern: ArraySlice<Unicode.Scalar>, text: ArraySlice<Unicode.Scalar>)?
        while true {
            if pattern.first == "*" {
                pattern = pattern.dropFirst()
                afterStar = (pattern, text)
                continue
            }
            if let character = text.first, let rest = step(pattern, character) {
                pattern = rest
                text = text.dropFirst()
                continue
            }
            if text.isEmpty && pattern.isEmpty { return true }
            guard let star = afterStar, !star.text.isEmpty else { return false }
            pattern = star.pattern
            text = star.text.dropFirst()
            afterStar = (star.pattern, text)
        }
    }

    /// The pattern behind what one character matches; nil when it does not match.
    private static func step(_ pattern: ArraySlice<Unicode.Scalar>, _ character: Unicode.Scalar)
        -> ArraySlice<Unicode.Scalar>?
    {
        guard let first = pattern.first else { return nil }
        if first == "?" { return pattern.dropFirst() }
        if first == "[", let set = set(pattern.dropFirst()) {
            return set.contains(character) != set.isNegated ? set.rest : nil
        }
        // A bracket that nothing closes stands for itself.
        return first == character ? pattern.dropFirst() : nil
    }

    private struct CharacterSet {
        var isNegated: Bool
        var content: [Unicode.Scalar]
        var rest: ArraySlice<Unicode.Scalar>

        func contains(_ character: Unicode.Scalar) -> Bool {
            var index = 0
            while index < content.count {
                if index + 2 < content.count, content[index + 1] == "-" {
                    if content[index] <= character, character <= content[index + 2] { return true }
                    index += 3
                } else {
                    if content[index] == character { return true }
                    index += 1
                }
            }
            return false
        }
    }

    /// The set that begins behind a bracket; a "]" at its very beginning belongs to it.
    private static func set(_ pattern: ArraySlice<Unicode.Scalar>) -> CharacterSet? {
        var content = pattern
        let isNegated = content.first == "!"
        if isNegated { content = content.dropFirst() }
        guard let end = content.dropFirst().firstIndex(of: "]") else { return nil }
        return CharacterSet(
            isNegated: isNegated,
            content: Array(content[..<end]),
            rest: content[content.index(after: end)...]
        )
    }
}
