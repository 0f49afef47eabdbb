extension [String] {
    /// The first few, and how many more there are: lists in notes stay on one line.
    func shortened(to limit: Int = 8) -> String {
        let more = count > limit ? " and \(count - limit) more" : ""
        return prefix(limit).joined(separator: ", ") + more
    }
}
