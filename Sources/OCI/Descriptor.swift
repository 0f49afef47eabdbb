public import JSON

/// What is known of content before it is fetched (image-spec, descriptor.md).
public struct Descriptor: Sendable, Hashable {
    /// What kind of content it is: one of `MediaType`, or another.
    public var mediaType: String
    /// The content's name.
    public var digest: ContentDigest
    /// The content's length in bytes; never negative.
    public var size: Int64
    /// Notes, such as the reference of an image.
    public var annotations: [String: String]
    /// What the content is for, where an index says so.
    public var platform: Platform?

    /// Describes content.
    public init(
        mediaType: String,
        digest: ContentDigest,
        size: Int64,
        annotations: [String: String] = [:],
        platform: Platform? = nil
    ) {
        self.mediaType = mediaType
        self.digest = digest
        self.size = max(size, 0)
        self.annotations = annotations
        self.platform = platform
    }

    /// Describes bytes in memory.
    public init(
        mediaType: String,
        of bytes: [UInt8],
        annotations: [String: String] = [:],
        platform: Platform? = nil
    ) {
        self.init(
            mediaType: mediaType,
            digest: ContentDigest(of: bytes),
            size: Int64(bytes.count),
            annotations: annotations,
            platform: platform
        )
    }

    /// The descriptor as documents have it.
    public var json: JSONValue {
        var members: [String: JSONValue] = [
            "mediaType": .string(mediaType), "digest": .string(digest.description), "size": .integer(size),
        ]
        if !annotations.isEmpty { members["annotations"] = .object(annotations.mapValues { .string($0) }) }
        if let platform { members["platform"] = platform.json }
        return .object(members)
    }

    init(_ reader: DocumentReader) throws(OCIError) {
        mediaType = try reader.text("mediaType")
        digest = try reader.digest("digest")
        size = try reader.size("size")
        annotations = try reader.map("annotations")
        platform = try reader.object("platform").map { object throws(OCIError) in try Platform(object) }
    }
}
