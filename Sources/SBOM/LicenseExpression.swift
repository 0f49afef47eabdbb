/// Turns the licence synopsis of a copyright file into an SPDX licence expression (SPDX 2.3, annex D).
enum LicenseExpression {
    /// The expression of a synopsis such as `GPL-2+ and BSD-3-clause`, parenthesised if it is a choice.
    ///
    /// `and` binds stronger than `or`, and a comma before one of them ends what binds stronger, as DEP-5 has it.
    /// Names with exceptions (`GPL-2+ with OpenSSL exception`) are licences of their own: `identifier` is asked
    /// for each name and returns what stands for it.
    static func spdx(of synopsis: String, identifier: (String) -> String) -> String {
        let words = synopsis.split(whereSeparator: \.isWhitespace).map(String.init)
        let isPlain =
            !words.isEmpty && words.count <= 64
            && !words.contains { $0.contains("(") || $0.contains(")") || $0.contains("|") }
        guard isPlain, let groups = groups(words) else { return identifier(words.joined(separator: " ")) }
        var result: (text: String, isChoice: Bool)?
        for group in groups {
            let choices = group.choices.map { all in
                let terms = unique(all.map(identifier))
                return (text: terms.joined(separator: " AND "), count: terms.count)
            }
            let texts = unique(choices.map(\.text))
            let own = (text: texts.joined(separator: " OR "), isChoice: texts.count > 1)
            guard let left = result else {
                result = own
                continue
            }
            if group.isChoice {
                result = ("\(left.text) OR \(own.text)", true)
            } else {
                result = ("\(parenthesised(left)) AND \(parenthesised(own))", false)
            }
        }
        return result.map(parenthesised) ?? identifier(synopsis)
    }

    /// All of several expressions, sorted; nil for none.
    static func all(of terms: Set<String>) -> String? {
        terms.isEmpty ? nil : terms.sorted().joined(separator: " AND ")
    }

    private static func parenthesised(_ term: (text: String, isChoice: Bool)) -> String {
        term.isChoice ? "(\(term.text))" : term.text
    }

    private static func unique(_ texts: [String]) -> [String] {
        Array(Set(texts)).sorted()
    }

    /// Names bound by `and` inside choices bound by `or`; a comma begins the next group.
    private struct Group {
        /// Whether the group is joined to what is before it by `or`.
        var isChoice = false
        var choices: [[String]] = []
    }

    /// Splits words into groups; nil if they do not follow the grammar.
    private static func groups(_ words: [String]) -> [Group]? {
        var groups: [Group] = []
        var group = Group()
        var all: [String] = []
        var name: [String] = []
        var afterComma = false

        func take(_ name: inout [String], into all: inout [String]) -> Bool {
            guard !name.isEmpty else { return false }
            all.append(name.joined(separator: " "))
            name = []
            return true
        }

        for word in words {
            let lower = word.lowercased()
            if lower == "and" || lower == "or" {
                if afterComma {
                    afterComma = false
                    group = Group(isChoice: lower == "or")
                    continue
                }
                guard take(&name, into: &all) else { return nil }
                if lower == "or" {
                    group.choices.append(all)
                    all = []
                }
                continue
            }
            // A comma must be followed by `and` or `or`; lists are no part of the grammar.
            if afterComma { return nil }
            if word.hasSuffix(",") {
                let bare = word.dropLast()
                if !bare.isEmpty { name.append(String(bare)) }
                guard take(&name, into: &all) else { return nil }
                group.choices.append(all)
                all = []
                groups.append(group)
                afterComma = true
            } else {
                name.append(word)
            }
        }
        guard !afterComma, take(&name, into: &all) else { return nil }
        group.choices.append(all)
        groups.append(group)
        return groups
    }
}
