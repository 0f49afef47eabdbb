import FileTree
import Foundation
import Hashing
import JSON
import VariantManifest

/// Writes a container as an OCI image layout (OCI image specification 1.1, "Image Layout") with one manifest.
///
/// Layers are plain tar: the root file system compresses them, and an update finds blocks that did not change.
struct OCILayout {
    /// The layout's folder.
    let directory: String
    /// The time of everything, in seconds since 1970.
    let time: Int64
    /// The digest of the manifest, by which the image is known.
    private(set) var digest = SHA256Digest(hashing: "")

    private static let blobs = "blobs/sha256"
    private static let specification = "application/vnd.oci.image"

    private struct Descriptor {
        let mediaType: String
        let digest: SHA256Digest
        let size: UInt64

        var members: [String: JSONValue] {
            [
                "mediaType": .string("\(OCILayout.specification).\(mediaType)"),
                "digest": .string("sha256:\(digest.hex)"),
                "size": .integer(Int64(clamping: size)),
            ]
        }
    }

    /// Writes all of it into a folder, which is made.
    ///
    /// - Throws: `FileTreeError` and `BuildError`.
    init(
        writing layers: [ContainerLayers.Layer],
        of manifest: ContainerManifest,
        time: Int64,
        to directory: String
    ) throws {
        self.directory = directory
        self.time = time
        try FileSystem.makeDirectory("\(directory)/\(Self.blobs)")
        let written = try layers.map { try write($0.tree) }
        let config = try write(
            config(of: manifest, layers: layers, digests: written.map(\.digest)),
            "config.v1+json"
        )
        let image = try write(
            [
                "schemaVersion": 2,
                "mediaType": .string("\(Self.specification).manifest.v1+json"),
                "config": .object(config.members),
                "layers": .array(written.map { .object($0.members) }),
                "annotations": annotations(of: manifest),
            ],
            "manifest.v1+json"
        )
        digest = image.digest
        var entry = image.members
        entry["platform"] = ["architecture": .string(manifest.architecture.rawValue), "os": "linux"]
        entry["annotations"] = [
            "io.containerd.image.name": .string(manifest.reference),
            "org.opencontainers.image.ref.name": "latest",
        ]
        let index: JSONValue = [
            "schemaVersion": 2,
            "mediaType": .string("\(Self.specification).index.v1+json"),
            "manifests": [.object(entry)],
        ]
        try FileSystem.write(Array(index.description.utf8), to: "\(directory)/index.json")
        let layout: JSONValue = ["imageLayoutVersion": "1.0.0"]
        try FileSystem.write(Array(layout.description.utf8), to: "\(directory)/oci-layout")
    }

    /// The files of a layout's folder as a tree whose contents are references to them.
    ///
    /// - Throws: `BuildError.file`, and `HashingError` where a file cannot be read.
    static func tree(of directory: String, origin: String) throws -> FileTree {
        var tree = FileTree()
        let names = try FileManager.default.contentsOfDirectory(atPath: "\(directory)/\(blobs)")
        for path in names.map({ "\(blobs)/\($0)" }) + ["index.json", "oci-layout"] {
            let file = "\(directory)/\(path)"
            let content = Content.blob(
                path: file,
                offset: 0,
                length: Int64(clamping: try FileSystem.size(file)),
                digest: try SHA256Digest(hashingFile: file)
            )
            try tree.insert(Node(kind: .file(content), mode: 0o644, origin: origin), at: "/\(path)")
        }
        return tree
    }

    private func write(_ tree: FileTree) throws -> Descriptor {
        let temporary = "\(directory)/layer.tar"
        try TarWriter(modificationTime: time).write(tree, to: temporary)
        let digest = try SHA256Digest(hashingFile: temporary)
        let size = try FileSystem.size(temporary)
        try FileSystem.rename(temporary, to: "\(directory)/\(Self.blobs)/\(digest.hex)")
        return Descriptor(mediaType: "layer.v1.tar", digest: digest, size: size)
    }

    private func write(_ document: JSONValue, _ mediaType: String) throws -> Descriptor {
        let bytes = Array(document.description.utf8)
        let digest = SHA256Digest(hashing: bytes)
        try FileSystem.write(bytes, to: "\(directory)/\(Self.blobs)/\(digest.hex)")
        return Descriptor(mediaType: mediaType, digest: digest, size: UInt64(bytes.count))
    }

    private func config(
        of manifest: ContainerManifest,
        layers: [ContainerLayers.Layer],
        digests: [SHA256Digest]
    ) -> JSONValue {
        func texts(_ values: [String]) -> JSONValue { .array(values.map { .string($0) }) }
        let process = manifest.process
        var config: [String: JSONValue] = [
            "Entrypoint": texts(process.entrypoint),
            "Env": texts(process.environment),
            "Labels": annotations(of: manifest),
        ]
        if !process.command.isEmpty { config["Cmd"] = texts(process.command) }
        if let user = process.user { config["User"] = .string(user) }
        return [
            "architecture": .string(manifest.architecture.rawValue),
            "os": "linux",
            "created": .string(created),
            "config": .object(config),
            "rootfs": [
                "type": "layers",
                "diff_ids": texts(digests.map { "sha256:\($0.hex)" }),
            ],
            "history": .array(
                layers.map {
                    [
                        "created": .string(created),
                        "created_by": .string("bulkhead build-container: \($0.title)"),
                    ]
                }
            ),
        ]
    }

    private func annotations(of manifest: ContainerManifest) -> JSONValue {
        [
            "org.opencontainers.image.created": .string(created),
            "org.opencontainers.image.description": .string(manifest.description),
            "org.opencontainers.image.title": .string(manifest.name),
        ]
    }

    /// The time as RFC 3339 writes it.
    private var created: String {
        Date(timeIntervalSince1970: TimeInterval(time)).formatted(.iso8601)
    }
}
