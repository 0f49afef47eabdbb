/// What a reference leads to: the manifest of an image, or the index of several.
public enum ImageDocument: Sendable, Equatable {
    case index(ImageIndex)
    case manifest(ImageManifest)

    /// Reads either.
    ///
    /// - Parameter mediaType: what whoever gave the bytes says they are; nil where nothing was said. The document's own
    ///   word goes before it.
    /// - Throws: `OCIError.badDocument`.
    public init(json: [UInt8], mediaType: String?) throws(OCIError) {
        let reader = try DocumentReader("the manifest", parsing: json, limit: ImageManifest.limit)
        let isIndex: Bool
        if let own = try reader.optionalText("mediaType") {
            isIndex = MediaType.isIndex(own)
        } else if let mediaType, MediaType.isIndex(mediaType) || MediaType.isManifest(mediaType) {
            isIndex = MediaType.isIndex(mediaType)
        } else {
            isIndex = reader.has("manifests")
        }
        self = isIndex ? .index(try ImageIndex(json: json)) : .manifest(try ImageManifest(json: json))
    }
}
