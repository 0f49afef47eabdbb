internal import JSON

/// The files of an image in a folder or archive (image-spec, image-layout.md).
public enum ImageLayout {
    /// The name of the file that says that this is such a folder.
    public static let markerName = "oci-layout"
    /// What stands in it.
    public static let marker = Array(#"{"imageLayoutVersion":"1.0.0"}"#.utf8)
    /// The name of the file with the index.
    public static let indexName = "index.json"
    /// The tag of a manifest in the index.
    public static let tagAnnotation = "org.opencontainers.image.ref.name"
    /// The whole reference of a manifest in the index, as containerd writes it.
    public static let nameAnnotation = "io.containerd.image.name"

    /// The name of the file with some content.
    public static func name(of digest: ContentDigest) -> String { "blobs/sha256/\(digest.hex)" }

    /// Checks what stands in `oci-layout`.
    ///
    /// - Throws: `OCIError.badDocument`.
    public static func check(marker bytes: [UInt8]) throws(OCIError) {
        let reader = try DocumentReader("the file oci-layout", parsing: bytes, limit: 4096)
        guard try reader.text("imageLayoutVersion") == "1.0.0" else {
            throw reader.wrong("imageLayoutVersion", "is not 1.0.0")
        }
    }
}
