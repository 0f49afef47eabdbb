internal import JSON

/// The index of an image: its manifests, one for each platform (image-spec, image-index.md).
public struct ImageIndex: Sendable, Equatable {
    /// The longest index that is read, in bytes.
    public static let limit = 4 << 20

    /// `MediaType.index`, or Docker's.
    public var mediaType: String
    /// The manifests; may be none.
    public var manifests: [Descriptor]
    /// Notes.
    public var annotations: [String: String]

    /// States an index of the OCI's kind.
    public init(manifests: [Descriptor], annotations: [String: String] = [:]) {
        mediaType = MediaType.index
        (self.manifests, self.annotations) = (manifests, annotations)
    }

    /// Reads an index.
    ///
    /// - Throws: `OCIError.badDocument`.
    public init(json: [UInt8]) throws(OCIError) {
        let reader = try DocumentReader("the index", parsing: json, limit: Self.limit)
        let type = try reader.checkKind(MediaType.isIndex, without: ["config", "layers", "fsLayers"])
        mediaType = type ?? MediaType.index
        var manifests: [Descriptor] = []
        for object in try reader.objects("manifests") { manifests.append(try Descriptor(object)) }
        self.manifests = manifests
        annotations = try reader.map("annotations")
    }

    /// The index as JSON; equal values give equal bytes.
    public var json: [UInt8] {
        var members: [String: JSONValue] = [
            "schemaVersion": 2, "mediaType": .string(mediaType),
            "manifests": .array(manifests.map(\.json)),
        ]
        if !annotations.isEmpty { members["annotations"] = .object(annotations.mapValues { .string($0) }) }
        return Array(JSONValue.object(members).description.utf8)
    }

    /// The first manifest that runs on a platform; nil where there is none.
    ///
    /// One whose platform is not named counts only where it is alone: its configuration tells.
    public func manifest(for platform: Platform) -> Descriptor? {
        let usable = manifests.filter { MediaType.isManifest($0.mediaType) }
        if let match = usable.first(where: { $0.platform.map { platform.runs($0) } ?? false }) {
            return match
        }
        return usable.count == 1 && usable[0].platform == nil ? usable[0] : nil
    }

    /// What the manifests say they are for, without what is no image.
    public var platforms: [Platform] {
        manifests.compactMap { MediaType.isManifest($0.mediaType) ? $0.platform : nil }
            .filter { $0.os != "unknown" }
    }
}
