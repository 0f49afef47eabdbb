import GPT

/// Names of partition types that are known by their identifier.
enum PartitionTypeName {
    /// The name of the type with an identifier in text form, or the text if it has none.
    static func name(ofIdentifier text: String) -> String {
        GUID(text).map { PartitionType($0).description } ?? text
    }
}
