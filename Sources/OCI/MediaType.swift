/// The media types of images: those of the OCI, and those of Docker that mean the same (image-spec, media-types.md).
public enum MediaType {
    /// An index of manifests.
    public static let index = "application/vnd.oci.image.index.v1+json"
    /// A manifest.
    public static let manifest = "application/vnd.oci.image.manifest.v1+json"
    /// A configuration.
    public static let configuration = "application/vnd.oci.image.config.v1+json"
    /// A layer that is not compressed.
    public static let layer = "application/vnd.oci.image.layer.v1.tar"

    static let dockerIndex = "application/vnd.docker.distribution.manifest.list.v2+json"
    static let dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
    static let dockerConfiguration = "application/vnd.docker.container.image.v1+json"

    /// What can be read where a registry is asked for a manifest, the manifests first.
    public static let documents = [manifest, dockerManifest, index, dockerIndex]

    /// Whether it is an index, or what Docker calls a manifest list.
    public static func isIndex(_ type: String) -> Bool { type == index || type == dockerIndex }

    /// Whether it is a manifest.
    public static func isManifest(_ type: String) -> Bool { type == manifest || type == dockerManifest }

    /// Whether it is the configuration of a container image, and not of something else that registries keep.
    public static func isConfiguration(_ type: String) -> Bool {
        type == configuration || type == dockerConfiguration
    }

    /// Whether it is a layer that a registry serves and containerd unpacks.
    ///
    /// Layers that registries may not serve ("foreign", "nondistributable") are none.
    public static func isLayer(_ type: String) -> Bool {
        [
            layer, "\(layer)+gzip", "\(layer)+zstd", "application/vnd.docker.image.rootfs.diff.tar",
            "application/vnd.docker.image.rootfs.diff.tar.gzip",
            "application/vnd.docker.image.rootfs.diff.tar.zstd",
        ].contains(type)
    }
}
