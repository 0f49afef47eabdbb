public import OCI

/// An image for one platform whose manifest and configuration were verified, and whose layers can be had.
public protocol ImageSource: Sendable {
    /// What the image was asked for by.
    var reference: ImageReference { get }
    /// The manifest, with the platform and the annotations that name the image.
    var manifest: Descriptor { get }
    /// The configuration.
    var configuration: ImageConfig { get }
    /// The bytes of the manifest, the configuration and all layers.
    var size: Int64 { get }

    /// The image as a stream; every byte of it is compared with its digest on the way.
    ///
    /// - Parameter progress: gets the bytes of `size` that were handed over so far, now and then; it goes back where a
    ///   layer has to come again.
    func archive(progress: @escaping @Sendable (_ done: Int64) -> Void) -> ImageArchive
}

extension ImageSource {
    /// The index of the archive: what containerd says the image's target is once it was imported.
    ///
    /// Equal for equal images under one name, wherever they come from.
    public var index: ImageIndex { ImageIndex(manifests: [manifest]) }
}

/// What all sources find out of an image in the same way.
struct ImageContents: Sendable {
    /// The most bytes that an image may have.
    static let sizeLimit: Int64 = 16 << 30

    let reference: ImageReference
    let manifest: Descriptor
    let manifestBytes: [UInt8]
    let configuration: ImageConfig
    let configurationBytes: [UInt8]
    /// Each once, the lowest first.
    let layers: [Descriptor]
    let size: Int64

    /// Checks that the parts of an image fit together, and that it is for a platform.
    ///
    /// Digests were compared before.
    init(
        _ reference: ImageReference,
        manifest bytes: [UInt8],
        _ parsed: ImageManifest,
        configuration configurationBytes: [UInt8],
        for platform: Platform
    ) throws(ContainerImagesError) {
        let configuration: ImageConfig
        do throws(OCIError) { configuration = try ImageConfig(json: configurationBytes) } catch {
            throw .unusable(reference: reference.description, error)
        }
        guard platform.runs(configuration.platform) else {
            throw .wrongPlatform(
                reference: reference.description,
                offered: [configuration.platform.description],
                wanted: platform.description
            )
        }
        guard configuration.diffIDs.count == parsed.layers.count else {
            let counts = "\(configuration.diffIDs.count) layers and the manifest \(parsed.layers.count)"
            throw .unusable(
                reference: reference.description,
                .badDocument("the image's configuration", reason: "it has \(counts)")
            )
        }
        self.reference = reference
        var annotations = [ImageLayout.nameAnnotation: reference.description]
        if let tag = reference.tag { annotations[ImageLayout.tagAnnotation] = tag }
        manifest = Descriptor(
            mediaType: parsed.mediaType,
            of: bytes,
            annotations: annotations,
            platform: configuration.platform
        )
        manifestBytes = bytes
        self.configuration = configuration
        self.configurationBytes = configurationBytes
        var seen: Set<ContentDigest> = [parsed.config.digest]
        layers = parsed.layers.filter { seen.insert($0.digest).inserted }
        size = try Self.size(parsed, manifest: Int64(bytes.count), reference)
    }

    /// The bytes of an image by its manifest, before any layer was fetched.
    static func size(
        _ manifest: ImageManifest,
        manifest length: Int64,
        _ reference: ImageReference
    ) throws(ContainerImagesError) -> Int64 {
        let size = manifest.contentSize.map { $0.addingReportingOverflow(length) }
        guard let size, !size.overflow, size.partialValue <= sizeLimit else {
            throw .tooLarge(
                what: "the image '\(reference)'",
                size: size.map { $0.overflow ? Int64.max : $0.partialValue } ?? Int64.max,
                limit: sizeLimit
            )
        }
        return size.partialValue
    }

    /// The length of what is read into memory.
    static func length(
        of descriptor: Descriptor,
        _ what: String,
        limit: Int
    ) throws(ContainerImagesError) -> Int {
        guard descriptor.size <= Int64(limit) else {
            throw .tooLarge(what: what, size: descriptor.size, limit: Int64(limit))
        }
        return Int(descriptor.size)
    }

    /// Compares a document with its digest.
    static func check(
        _ bytes: [UInt8],
        _ what: String,
        is expected: ContentDigest,
        from source: String
    ) throws(ContainerImagesError) {
        let found = ContentDigest(of: bytes)
        guard found == expected else {
            throw .wrongDigest(what: what, expected: expected, found: found, source: source)
        }
    }
}
