extension String {
    /// The text in at most so many bytes of UTF-8: cut between two characters, with how long it was, if it is longer.
    ///
    /// Of control characters only line feeds and tabs stay; the others, which may do something to a terminal, are shown
    /// as escapes. What was bounded once stays as it is.
    package func bounded(to limit: Int) -> String {
        let note = "... (cut, of \(utf8.count) bytes)"
        var result = ""
        // Where it is cut if the rest does not fit.
        var end = 0
        for character in self {
            for scalar in character.unicodeScalars {
                if scalar.properties.generalCategory == .control, scalar != "\n", scalar != "\t" {
                    result += "\\u{\(String(scalar.value, radix: 16))}"
                } else {
                    result.unicodeScalars.append(scalar)
                }
            }
            guard result.utf8.count <= limit else {
                return String(Substring(result.utf8.prefix(end))) + note
            }
            if result.utf8.count + note.utf8.count <= limit { end = result.utf8.count }
        }
        return result
    }
}
