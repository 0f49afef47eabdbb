internal import JSON

/// Lists and maps as one text.
let joiningHelpers: [String: Helper] = [
    // `join_array ", " list`: the texts of the list in double quotes, with the delimiter between them: "a", "b".
    // As in Bottlerocket, but quotes, backslashes and control characters in a text are escaped as in JSON and TOML.
    "join_array": Helper(2) { arguments throws(HelperError) in
        guard arguments[1] != nil else { throw arguments.refusal(1, "a list of texts") }
        return .string(try joined(try arguments.texts(1).map(JSONValue.quoted), with: try arguments.text(0)))
    },
    // `join_map "=" "," "fail-if-missing" map`: the members as key=value, in order of their names. With
    // "no-fail-if-missing" a map that is not set gives an empty text.
    "join_map": Helper(4) { arguments throws(HelperError) in
        let between = try arguments.text(0)
        let delimiter = try arguments.text(1)
        let mayBeMissing: Bool
        switch try arguments.text(2) {
        case "fail-if-missing": mayBeMissing = false
        case "no-fail-if-missing": mayBeMissing = true
        default: throw arguments.refusal(2, "fail-if-missing or no-fail-if-missing")
        }
        guard let map = arguments[3]?.members else {
            // Bottlerocket lets any other kind of value pass here without a word.
            guard arguments[3] == nil, mayBeMissing else { throw arguments.refusal(3, "an object") }
            return ""
        }
        var pairs: [String] = []
        for (key, value) in map.sorted(by: { $0.key < $1.key }) {
            guard let text = value.scalarText else {
                throw HelperError("\(arguments.name(3)) must have texts, numbers and truth values only")
            }
            pairs.append(key + between + text)
        }
        return .string(try joined(pairs, with: delimiter))
    },
    // `join_all "," x y ...`: as `join_words`, of texts and lists of texts in turn; what is not set is left out.
    "join_all": Helper(2...16) { arguments throws(HelperError) in
        let delimiter = try arguments.text(0)
        var words: [String] = []
        for index in arguments.values.indices.dropFirst() {
            if let word = arguments[index]?.string {
                words.append(word)
            } else {
                words += try arguments.texts(index)
            }
        }
        return .string(try joinedWords(words, with: delimiter, of: "an argument"))
    },
    // `join_words " " list`: the texts of the list, bare, with the delimiter between them, for formats whose values
    // are words. A text that is no word (see `word`), or has the delimiter in it, is refused. Not set: an empty text.
    "join_words": Helper(2) { arguments throws(HelperError) in
        let delimiter = try arguments.text(0)
        let words = try arguments.texts(1)
        return .string(try joinedWords(words, with: delimiter, of: arguments.name(1)))
    },
]

/// Texts with a delimiter between them, as far as they can fit into a file.
func joined(_ texts: [String], with delimiter: String) throws(HelperError) -> String {
    let length = texts.reduce(0) { $0 + $1.utf8.count + delimiter.utf8.count }
    guard length <= Template.maximumOutput else {
        throw HelperError("the joined text is longer than \(Template.maximumOutput) bytes")
    }
    return texts.joined(separator: delimiter)
}

/// Words with a delimiter between them that is in none of them.
private func joinedWords(
    _ words: [String],
    with delimiter: String,
    of name: String
) throws(HelperError) -> String {
    for word in words {
        guard isWord(word), delimiter == " " || !word.contains(delimiter) else {
            throw HelperError("\(name) has a text in it that is \(notAWord), or has the delimiter in it")
        }
    }
    return try joined(words, with: delimiter)
}
