internal import JSON

/// The manifest of an image for one platform: its configuration and its layers (image-spec, manifest.md).
public struct ImageManifest: Sendable, Equatable {
    /// The longest manifest that is read, in bytes.
    public static let limit = 4 << 20
    /// The most layers; overlayfs cannot take more than 500 either.
    public static let layersLimit = 500

    /// `MediaType.manifest`, or Docker's.
    public var mediaType: String
    /// The configuration.
    public var config: Descriptor
    /// The layers, the lowest first.
    public var layers: [Descriptor]
    /// Notes.
    public var annotations: [String: String]

    /// States a manifest of the OCI's kind.
    public init(config: Descriptor, layers: [Descriptor], annotations: [String: String] = [:]) {
        mediaType = MediaType.manifest
        (self.config, self.layers, self.annotations) = (config, layers, annotations)
    }

    /// Reads a manifest of a container image; what else registries keep in this form is refused.
    ///
    /// - Throws: `OCIError.badDocument`.
    public init(json: [UInt8]) throws(OCIError) {
        let reader = try DocumentReader("the manifest", parsing: json, limit: Self.limit)
        let type = try reader.checkKind(MediaType.isManifest, without: ["manifests", "fsLayers"])
        guard let object = try reader.object("config") else { throw reader.wrong("config", "is missing") }
        let config = try Descriptor(object)
        guard MediaType.isConfiguration(config.mediaType) else {
            throw reader.wrong(
                "config.mediaType",
                "is '\(printable(config.mediaType))': this is no container image"
            )
        }
        var layers: [Descriptor] = []
        for object in try reader.objects("layers") {
            let layer = try Descriptor(object)
            guard MediaType.isLayer(layer.mediaType) else {
                throw object.wrong(
                    "mediaType",
                    "is '\(printable(layer.mediaType))', which cannot be unpacked"
                )
            }
            layers.append(layer)
        }
        guard layers.count <= Self.layersLimit else {
            throw reader.wrong("layers", "has \(layers.count) elements; \(Self.layersLimit) may be")
        }
        let isDocker = config.mediaType == MediaType.dockerConfiguration
        mediaType = type ?? (isDocker ? MediaType.dockerManifest : MediaType.manifest)
        (self.config, self.layers) = (config, layers)
        annotations = try reader.map("annotations")
    }

    /// The manifest as JSON; equal values give equal bytes.
    public var json: [UInt8] {
        var members: [String: JSONValue] = [
            "schemaVersion": 2, "mediaType": .string(mediaType), "config": config.json,
            "layers": .array(layers.map(\.json)),
        ]
        if !annotations.isEmpty { members["annotations"] = .object(annotations.mapValues { .string($0) }) }
        return Array(JSONValue.object(members).description.utf8)
    }

    /// The bytes of the configuration and of all layers, each counted once; nil where no number holds them.
    public var contentSize: Int64? {
        var sizes: [ContentDigest: Int64] = [:]
        for content in [config] + layers { sizes[content.digest] = content.size }
        var sum: Int64 = 0
        for size in sizes.values {
            let (next, overflow) = sum.addingReportingOverflow(size)
            guard !overflow else { return nil }
            sum = next
        }
        return sum
    }
}
