internal import Protobuf
public import OCI

extension ContainerRuntime {
    /// What an image's name stands for; nil when there is no image of that name.
    public func image(_ name: String) async throws(ContainerError) -> ImageRecord? {
        let what = "look image '\(name)' up"
        let answer = try await unlessMissing { () async throws(ContainerError) in
            try await self.call(Images.get, NamedRequest(name: name), what, .repeated)
        }
        guard let image = answer?.image else { return nil }
        do {
            let target = Descriptor(
                mediaType: image.target.mediaType,
                digest: try ContentDigest(parsing: image.target.digest),
                size: image.target.size,
                annotations: image.target.annotations
            )
            return ImageRecord(name: image.name, target: target, labels: image.labels)
        } catch {
            throw .badAnswer(what, reason: "\(error)")
        }
    }

    /// The manifest of an image that is for this machine.
    ///
    /// - Throws: `ContainerError.otherArchitecture` when there is none.
    public func manifest(of image: ImageRecord) async throws(ContainerError) -> Descriptor {
        guard MediaType.isIndex(image.target.mediaType) else { return image.target }
        let bytes = try await content(image.target, atMost: ImageIndex.limit, of: image.name)
        let index: ImageIndex
        do {
            index = try ImageIndex(json: bytes)
        } catch {
            throw .notAnImage(image.name, reason: "\(error)")
        }
        guard let manifest = index.manifest(for: .current) else {
            throw .otherArchitecture(image.name, wanted: "\(Platform.current)")
        }
        return manifest
    }

    /// What an image says about how it is run, and which layers it has.
    public func configuration(of image: ImageRecord) async throws(ContainerError) -> ImageConfig {
        let manifest = try await manifest(of: image)
        let bytes = try await content(manifest, atMost: ImageManifest.limit, of: image.name)
        let descriptor: Descriptor
        do {
            descriptor = try ImageManifest(json: bytes).config
        } catch {
            throw .notAnImage(image.name, reason: "\(error)")
        }
        let json = try await content(descriptor, atMost: ImageConfig.limit, of: image.name)
        do {
            return try ImageConfig(json: json)
        } catch {
            throw .notAnImage(image.name, reason: "\(error)")
        }
    }

    /// Removes an image's name, and then what nothing needs any more; one that is not there is fine.
    public func removeImage(_ name: String) async throws(ContainerError) {
        _ = try await unlessMissing { () async throws(ContainerError) in
            try await self.call(
                Images.delete,
                Images.DeleteRequest(name: name, sync: true),
                "remove image '\(name)'",
                .repeated
            )
        }
    }

    /// A blob, whose length and digest are checked.
    private func content(
        _ descriptor: Descriptor,
        atMost limit: Int,
        of image: String
    ) async throws(ContainerError) -> [UInt8] {
        guard descriptor.size <= limit else {
            throw .notAnImage(
                image,
                reason: "\(descriptor.digest) has \(descriptor.size) bytes, above \(limit)"
            )
        }
        let answers: [Contents.ReadAnswer]
        do {
            answers = try await receive(
                Contents.read,
                Contents.ReadRequest(digest: "\(descriptor.digest)"),
                "read \(descriptor.digest) of image '\(image)'",
                // What comes along with the bytes is short.
                atMost: limit + (64 << 10)
            )
        } catch {
            guard error.isNotFound else { throw error }
            throw .damagedImage(image, reason: "\(descriptor.digest) is missing")
        }
        let bytes = Array(answers.map(\.data).joined())
        guard bytes.count == descriptor.size, ContentDigest(of: bytes) == descriptor.digest else {
            throw .damagedImage(image, reason: "\(descriptor.digest) has other bytes in containerd's store")
        }
        return bytes
    }
}
