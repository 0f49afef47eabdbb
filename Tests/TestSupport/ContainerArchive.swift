import Foundation
import Hashing

/// A small image with busybox(1), as an OCI archive: an image layout in a tar.
public struct ContainerArchive: Sendable {
    /// The archive.
    public var bytes: [UInt8]
    /// The digest of its only manifest: `sha256:` and hexadecimal digits.
    public let manifest: String

    private struct NoBusybox: Error, CustomStringConvertible {
        var description: String { "there is no static /bin/busybox; install busybox-static" }
    }

    /// The processor that this machine's images are for.
    public static var architecture: String {
        #if arch(arm64)
            "arm64"
        #else
            "amd64"
        #endif
    }

    /// The commands in the image's /bin.
    private static let commands = [
        "cat", "dd", "echo", "env", "false", "head", "id", "kill", "ls", "mkdir", "ps", "sh", "sleep", "stty",
        "touch", "true", "tty", "wc", "yes",
    ]

    /// Makes one.
    ///
    /// - Parameters:
    ///   - architecture: what it says it is for.
    ///   - padding: bytes of a further file, /padding, that do not get smaller when they are packed.
    public init(architecture: String = Self.architecture, padding: Int = 0) throws {
        guard let busybox = FileManager.default.contents(atPath: "/bin/busybox") else { throw NoBusybox() }
        var layer = Tar()
        for folder in ["bin", "dev", "etc", "proc", "run", "sys", "tmp"] { layer.add(folder: folder) }
        layer.add("bin/busybox", Array(busybox), mode: 0o755)
        for command in Self.commands { layer.add(link: "bin/\(command)", to: "busybox") }
        layer.add("etc/passwd", Array("root:x:0:0:root:/:/bin/sh\n".utf8))
        if padding > 0 {
            var state: UInt64 = 1
            layer.add(
                "padding",
                (0..<padding).map { _ in
                    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                    return UInt8(truncatingIfNeeded: state >> 33)
                }
            )
        }
        try self.init(layers: [layer.finished], architecture: architecture)
    }

    /// Makes one of layers.
    public init(layers: [[UInt8]], architecture: String = Self.architecture) throws {
        var blobs: [String: [UInt8]] = [:]
        func add(_ bytes: [UInt8], _ type: String) -> [String: Any] {
            let digest = SHA256Digest(hashing: bytes).hex
            blobs[digest] = bytes
            return [
                "mediaType": "application/vnd.oci.image.\(type)", "digest": "sha256:\(digest)",
                "size": bytes.count,
            ]
        }
        func json(_ value: [String: Any]) throws -> [UInt8] {
            Array(try JSONSerialization.data(withJSONObject: value, options: [.sortedKeys]))
        }
        let parts = layers.map { add($0, "layer.v1.tar") }
        let config = try json([
            "architecture": architecture, "os": "linux", "created": "1970-01-01T00:00:00Z",
            "config": ["Cmd": ["/bin/sh"], "Env": ["PATH=/bin"]],
            "rootfs": ["type": "layers", "diff_ids": parts.map { $0["digest"] ?? "" }],
        ])
        let manifest = try json([
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": add(config, "config.v1+json"), "layers": parts,
        ])
        var descriptor = add(manifest, "manifest.v1+json")
        descriptor["platform"] = ["os": "linux", "architecture": architecture]
        let index = try json([
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [descriptor],
        ])
        var archive = Tar()
        archive.add("oci-layout", Array(#"{"imageLayoutVersion":"1.0.0"}"#.utf8))
        archive.add("index.json", index)
        for (digest, bytes) in blobs.sorted(by: { $0.key < $1.key }) {
            archive.add("blobs/sha256/\(digest)", bytes)
        }
        self.bytes = archive.finished
        self.manifest = "sha256:\(SHA256Digest(hashing: manifest).hex)"
    }
}

/// A tar (ustar) of a few files.
private struct Tar {
    private var bytes: [UInt8] = []

    var finished: [UInt8] { bytes + [UInt8](repeating: 0, count: 1024) }

    mutating func add(_ name: String, _ content: [UInt8], mode: Int = 0o644) {
        header(name, size: content.count, mode: mode, type: "0")
        bytes += content
        bytes += [UInt8](repeating: 0, count: (512 - content.count % 512) % 512)
    }

    mutating func add(folder name: String) { header("\(name)/", size: 0, mode: 0o755, type: "5") }

    mutating func add(link name: String, to target: String) {
        header(name, size: 0, mode: 0o777, type: "2", target: target)
    }

    private mutating func header(_ name: String, size: Int, mode: Int, type: String, target: String = "") {
        var block = [UInt8](repeating: 0, count: 512)
        func put(_ text: String, _ offset: Int) {
            for (index, byte) in text.utf8.prefix(512 - offset).enumerated() { block[offset + index] = byte }
        }
        func octal(_ value: Int, _ digits: Int) -> String {
            let text = String(value, radix: 8)
            return String(repeating: "0", count: max(0, digits - text.count)) + text
        }
        put(name, 0)
        put(octal(mode, 7), 100)
        put(octal(0, 7), 108)
        put(octal(0, 7), 116)
        put(octal(size, 11), 124)
        put(octal(0, 11), 136)
        put("        ", 148)
        put(type, 156)
        put(target, 157)
        put("ustar", 257)
        put("00", 263)
        let sum = block.reduce(0) { $0 + Int($1) }
        put(octal(sum, 6), 148)
        block[154] = 0
        bytes += block
    }
}
