internal import Bytes
internal import Glibc
internal import Hashing
public import OCI
internal import SmallFiles

/// An image in a folder of this machine, in the OCI's layout, as the host's own containers are.
public struct LayoutSource: ImageSource {
    private static let pieceSize = 256 << 10

    /// What the image is to be called.
    public var reference: ImageReference { contents.reference }
    /// The manifest.
    public var manifest: Descriptor { contents.manifest }
    /// The configuration.
    public var configuration: ImageConfig { contents.configuration }
    /// The bytes of everything.
    public var size: Int64 { contents.size }

    private let folder: String
    private let contents: ImageContents

    /// Opens a folder, and verifies the manifest and the configuration in it.
    ///
    /// - Parameters:
    ///   - folder: with `oci-layout`, `index.json` and `blobs/sha256`.
    ///   - reference: what the image is to be called; its digest, if it has one, must be the manifest's.
    /// - Throws: `ContainerImagesError`.
    public init(
        folder: String,
        reference: ImageReference,
        platform: Platform = .current
    ) throws(ContainerImagesError) {
        func wrong(_ name: String, _ error: OCIError) -> ContainerImagesError {
            .badLayout(path: "\(folder)/\(name)", reason: "\(error)")
        }
        let marker = try Self.read("\(folder)/\(ImageLayout.markerName)", limit: 4096)
        do throws(OCIError) { try ImageLayout.check(marker: marker) } catch {
            throw wrong(ImageLayout.markerName, error)
        }
        let indexBytes = try Self.read("\(folder)/\(ImageLayout.indexName)", limit: ImageIndex.limit)
        let index: ImageIndex
        do throws(OCIError) { index = try ImageIndex(json: indexBytes) } catch {
            throw wrong(ImageLayout.indexName, error)
        }
        guard let chosen = index.manifest(for: platform) else {
            throw .wrongPlatform(
                reference: reference.description,
                offered: index.platforms.map(\.description),
                wanted: platform.description
            )
        }
        let manifestBytes = try Self.document(folder, chosen, "the manifest", limit: ImageManifest.limit)
        if let digest = reference.digest {
            try ImageContents.check(manifestBytes, "the manifest", is: digest, from: folder)
        }
        let manifest: ImageManifest
        do throws(OCIError) { manifest = try ImageManifest(json: manifestBytes) } catch {
            throw wrong(ImageLayout.name(of: chosen.digest), error)
        }
        let configuration = try Self.document(
            folder,
            manifest.config,
            "the configuration",
            limit: ImageConfig.limit
        )
        self.folder = folder
        contents = try ImageContents(
            reference,
            manifest: manifestBytes,
            manifest,
            configuration: configuration,
            for: platform
        )
    }

    /// The image as a stream.
    public func archive(progress: @escaping @Sendable (_ done: Int64) -> Void) -> ImageArchive {
        ImageArchive { [folder, contents] writer in
            let documents = [contents.manifestBytes, contents.configurationBytes]
            try await writer.begin(index: ImageIndex(manifests: [contents.manifest]), documents: documents)
            var done = documents.reduce(0) { $0 + Int64($1.count) }
            progress(done)
            for layer in contents.layers {
                try await Self.write(layer, folder, writer) { count in
                    done += count
                    progress(done)
                }
            }
            try await writer.end()
        }
    }

    private static func write(
        _ layer: Descriptor,
        _ folder: String,
        _ writer: ArchiveWriter,
        progress: (Int64) -> Void
    ) async throws {
        let path = "\(folder)/\(ImageLayout.name(of: layer.digest))"
        let file = try open(path, layer)
        try await writer.write(TarHeader.file(ImageLayout.name(of: layer.digest), size: layer.size))
        var hasher = SHA256Hasher()
        var offset: UInt64 = 0
        while offset < file.size {
            let count = Int(min(UInt64(pieceSize), file.size - offset))
            let bytes: [UInt8]
            do throws(ByteSourceError) { bytes = try file.read(at: offset, count: count) } catch {
                throw ContainerImagesError.badLayout(path: path, reason: "\(error)")
            }
            hasher.update(bytes)
            offset += UInt64(count)
            // Before the last bytes, so that a wrong layer never comes to its end.
            if offset == file.size { try check(hasher, layer, path) }
            try await writer.write(bytes)
            progress(Int64(count))
        }
        if file.size == 0 { try check(hasher, layer, path) }
        try await writer.write(TarHeader.padding(size: layer.size))
    }

    private static func check(
        _ hasher: SHA256Hasher,
        _ layer: Descriptor,
        _ path: String
    ) throws(ContainerImagesError) {
        let found = ContentDigest(hasher.finish())
        guard found == layer.digest else {
            throw .wrongDigest(what: "a layer", expected: layer.digest, found: found, source: path)
        }
    }

    /// Opens a regular file of the size that its descriptor names.
    private static func open(
        _ path: String,
        _ descriptor: Descriptor
    ) throws(ContainerImagesError) -> ByteSource {
        var information = stat()
        guard stat(path, &information) == 0 else {
            throw .badLayout(path: path, reason: String(cString: strerror(errno)))
        }
        guard information.st_mode & S_IFMT == S_IFREG else {
            throw .badLayout(path: path, reason: "it is no regular file")
        }
        let file: ByteSource
        do throws(ByteSourceError) { file = try ByteSource(file: path) } catch {
            throw .badLayout(path: path, reason: "\(error)")
        }
        guard file.size == UInt64(descriptor.size) else {
            throw .badLayout(
                path: path,
                reason: "it has \(file.size) bytes, and must have \(descriptor.size)"
            )
        }
        return file
    }

    private static func document(
        _ folder: String,
        _ descriptor: Descriptor,
        _ what: String,
        limit: Int
    ) throws(ContainerImagesError) -> [UInt8] {
        let path = "\(folder)/\(ImageLayout.name(of: descriptor.digest))"
        let bytes = try read(path, limit: try ImageContents.length(of: descriptor, what, limit: limit))
        try ImageContents.check(bytes, what, is: descriptor.digest, from: path)
        return bytes
    }

    private static func read(_ path: String, limit: Int) throws(ContainerImagesError) -> [UInt8] {
        do throws(SmallFileError) { return try readSmallFile(path, maximumLength: limit) } catch {
            throw .badLayout(path: path, reason: "it \(error)")
        }
    }
}
