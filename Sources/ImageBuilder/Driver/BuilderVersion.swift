/// The version of Bulkhead's build tool, as `release.json` and the bill of materials name it.
public enum BuilderVersion {
    /// The version; it is part of every build's inputs.
    public static let current = "0.1.0"
}
