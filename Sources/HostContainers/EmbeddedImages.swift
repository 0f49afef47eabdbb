import JSON
import OCI
import SmallFiles

/// The images that this version of the OS brings: `/usr/share/bulkhead/containers/index.json`.
struct EmbeddedImages: Sendable {
    private static let maximumLength = 1 << 20

    /// One of them.
    struct Image: Sendable, Equatable {
        /// The folder with its OCI layout.
        var folder: String
        /// The digest of its manifest.
        var digest: ContentDigest
    }

    private let images: [String: Image]

    /// Reads the list; a host without one has none.
    ///
    /// - Throws: `HostContainersError.badDefinitions`, `.cannotRead`.
    init(_ paths: HostContainerPaths) throws(HostContainersError) {
        let path = "\(paths.embedded)/index.json"
        guard let bytes = try ContainerFiles(paths: paths).read(path, maximumLength: Self.maximumLength)
        else {
            images = [:]
            return
        }
        guard let entries = (try? JSONValue(parsing: bytes))?["containers"]?.elements else {
            throw .badDefinitions(
                path: path,
                reason: "it is no list of containers: this image of the OS is damaged"
            )
        }
        var images: [String: Image] = [:]
        for entry in entries {
            guard let name = entry["name"]?.string, !name.isEmpty, !name.contains("/"), !name.hasPrefix("."),
                let reference = entry["reference"]?.string,
                let digest = entry["digest"]?.string.flatMap({ try? ContentDigest(parsing: $0) })
            else {
                throw .badDefinitions(
                    path: path,
                    reason: "an entry has no name, reference and digest: this image of the OS is damaged"
                )
            }
            images[Self.key(reference)] = Image(folder: "\(paths.embedded)/\(name)", digest: digest)
        }
        self.images = images
    }

    /// The image of a reference, however it is spelled; nil if it is none of these.
    subscript(_ reference: String) -> Image? { images[Self.key(reference)] }

    /// `localhost/control` and `localhost/control:latest` are one.
    private static func key(_ reference: String) -> String {
        (try? ImageReference(parsing: reference))?.description ?? reference
    }
}
