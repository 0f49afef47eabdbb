internal import Hashing
public import OCI

/// An image of a registry, found by `RegistryClient.resolve`.
public struct RegistrySource: ImageSource {
    /// What the image was asked for by.
    public var reference: ImageReference { contents.reference }
    /// The manifest for the client's platform.
    public var manifest: Descriptor { contents.manifest }
    /// The configuration.
    public var configuration: ImageConfig { contents.configuration }
    /// The bytes of everything.
    public var size: Int64 { contents.size }
    /// The digest that the reference stands for: of the manifest, or of the index where the image has several.
    ///
    /// What a reference by digest would have to name to always mean this image.
    public let digest: ContentDigest

    private let contents: ImageContents
    private let servers: RegistryServers

    init(_ contents: ImageContents, digest: ContentDigest, servers: RegistryServers) {
        (self.contents, self.digest, self.servers) = (contents, digest, servers)
    }

    /// The image as a stream.
    ///
    /// Each layer is asked for at the servers in turn. What breaks goes on at another server where it broke; a server
    /// whose bytes were wrong is not asked again.
    public func archive(progress: @escaping @Sendable (_ done: Int64) -> Void) -> ImageArchive {
        ImageArchive { [contents, servers] writer in
            let documents = [contents.manifestBytes, contents.configurationBytes]
            try await writer.begin(index: ImageIndex(manifests: [contents.manifest]), documents: documents)
            let done = documents.reduce(0) { $0 + Int64($1.count) }
            progress(done)
            var layers = LayerWriter(
                sessions: servers.sessions,
                writer: writer,
                done: done,
                progress: progress
            )
            for layer in contents.layers { try await layers.write(layer) }
            try await writer.end()
        }
    }
}

/// Writes layers into an archive while they are fetched.
private struct LayerWriter {
    var sessions: [RegistrySession]
    let writer: ArchiveWriter
    var done: Int64
    let progress: @Sendable (Int64) -> Void

    private var errors: [ContainerImagesError] = []

    init(
        sessions: [RegistrySession],
        writer: ArchiveWriter,
        done: Int64,
        progress: @escaping @Sendable (Int64) -> Void
    ) {
        (self.sessions, self.writer, self.done, self.progress) = (sessions, writer, done, progress)
    }

    /// - Throws: `ContainerImagesError`, or `CancellationError`.
    mutating func write(_ layer: Descriptor) async throws {
        errors = []
        while true {
            let before = done
            let (found, servers) = try await attempt(layer)
            if found == layer.digest { return }
            let hosts = servers.map(\.endpoint.host).joined(separator: " and ")
            errors.append(
                .wrongDigest(what: "a layer", expected: layer.digest, found: found, source: hosts)
            )
            sessions.removeAll { session in servers.contains { $0 === session } }
            guard !sessions.isEmpty else { throw ContainerImagesError.all(errors) }
            // The same name once more: what comes last is what the archive has.
            done = before
        }
    }

    /// Writes a layer once, whatever its digest is; returns the digest and the servers that it came from.
    private mutating func attempt(
        _ layer: Descriptor
    ) async throws -> (ContentDigest, [RegistrySession]) {
        try await writer.write(TarHeader.file(ImageLayout.name(of: layer.digest), size: layer.size))
        var hasher = SHA256Hasher()
        var offset: UInt64 = 0
        var used: [RegistrySession] = []
        for session in sessions {
            do {
                try await session.blob(layer, from: offset) { [writer, progress, done] bytes in
                    if used.last !== session { used.append(session) }
                    hasher.update(bytes)
                    offset += UInt64(bytes.count)
                    try await writer.write(bytes)
                    progress(done + Int64(offset))
                }
                try await writer.write(TarHeader.padding(size: layer.size))
                done += layer.size
                return (ContentDigest(hasher.finish()), used)
            } catch let error as ContainerImagesError {
                if error == .cancelled { throw error }
                errors.append(error)
            }
        }
        throw ContainerImagesError.all(errors)
    }
}
