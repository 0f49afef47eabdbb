public import JSON

/// What the host runs: the answer of `GET /os`.
public struct OSInfo: Payload {
    /// The name for people: "Bulkhead 1.2.0 (vm-containerd)".
    public var prettyName: String
    /// The variant.
    public var variantID: String
    /// The version of the OS.
    public var versionID: String
    /// The id of the build.
    public var buildID: String
    /// The processor's architecture: `x86_64`, `aarch64`.
    public var arch: String

    /// What a host runs.
    public init(prettyName: String, variantID: String, versionID: String, buildID: String, arch: String) {
        self.prettyName = prettyName
        self.variantID = variantID
        self.versionID = versionID
        self.buildID = buildID
        self.arch = arch
    }

    /// The name in the OpenAPI document.
    public static let schemaName = "OS"

    private static let properties: [String: JSONValue] = [
        "pretty_name": PayloadSchema.text("The name for people."),
        "variant_id": PayloadSchema.text("The variant."),
        "version_id": PayloadSchema.text("The version of the OS."),
        "build_id": PayloadSchema.text("The id of the build."),
        "arch": PayloadSchema.text("The processor's architecture."),
    ]

    /// The form, as JSON Schema.
    ///
    /// No member is required: `prefix` leaves some out.
    public static let schema = PayloadSchema.object("What the host runs.", properties, required: [])

    /// Reads the answer to a request without `prefix`.
    public init(json: JSONValue) throws(PayloadError) {
        let object = try PayloadReader(json)
        prettyName = try object.text("pretty_name")
        variantID = try object.text("variant_id")
        versionID = try object.text("version_id")
        buildID = try object.text("build_id")
        arch = try object.text("arch")
    }

    /// All members as JSON.
    public var json: JSONValue {
        [
            "pretty_name": .string(prettyName), "variant_id": .string(variantID),
            "version_id": .string(versionID), "build_id": .string(buildID), "arch": .string(arch),
        ]
    }
}
