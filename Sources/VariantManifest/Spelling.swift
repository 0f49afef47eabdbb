/// The words that a misspelt word may have meant, as the end of a sentence: `; did you mean 'include'?`, or nothing.
func didYouMean(_ word: String, among known: some Sequence<String>) -> String {
    guard word.utf8.count <= 64 else { return "" }
    let limit = max(1, min(3, word.utf8.count / 3))
    var best: (distance: Int, word: String)?
    for candidate in known {
        let distance = editDistance(word.lowercased(), candidate.lowercased())
        if distance <= limit, distance < best?.distance ?? .max {
            best = (distance, candidate)
        }
    }
    return best.map { "; did you mean '\($0.word)'?" } ?? ""
}

/// The number of insertions, deletions, replacements and swaps of neighbours that turn one word into the other
/// (optimal string alignment).
func editDistance(_ left: String, _ right: String) -> Int {
    let left = Array(left.utf8)
    let right = Array(right.utf8)
    if left.isEmpty || right.isEmpty { return max(left.count, right.count) }
    var twoBack = [Int](repeating: 0, count: right.count + 1)
    var oneBack = Array(0...right.count)
    for row in 1...left.count {
        var current = [row] + [Int](repeating: 0, count: right.count)
        for column in 1...right.count {
            let same = left[row - 1] == right[column - 1]
            var cost = min(oneBack[column] + 1, current[column - 1] + 1, oneBack[column - 1] + (same ? 0 : 1))
            if row > 1, column > 1, left[row - 1] == right[column - 2], left[row - 2] == right[column - 1] {
                cost = min(cost, twoBack[column - 2] + 1)
            }
            current[column] = cost
        }
        twoBack = oneBack
        oneBack = current
    }
    return oneBack[right.count]
}
