public import Hashing

/// The facts of a built image, as `release.json` holds them.
///
/// It is written by the build and read on the host, where it decides what may boot: a value that was decoded has
/// passed all checks of `validate()`. Keys that are not listed here are ignored and never come into the value.
public struct Release: Sendable, Hashable, Codable {
    /// The version of the format this code writes and reads.
    public static let currentFormat = 1

    /// The version of the format, 1.
    public var formatVersion: Int
    /// The variant's name.
    public var variant: String
    /// The Debian name of the architecture.
    public var architecture: String
    /// The version of the image (UAPI version format).
    public var version: String
    /// The time that stands for "now" in the build, in seconds since 1970.
    public var sourceDateEpoch: UInt64
    /// Bytes a sector of the disk image, 512 or 4096.
    public var sectorSize: UInt64
    /// The root file system and its hash tree.
    public var root: Root
    /// The unified kernel image.
    public var uki: File
    /// The disk.
    public var disk: Disk
    /// The kernel's release, as in `uname -r`.
    public var kernelVersion: String
    /// The kernel command line inside the UKI; it has `roothash=` with the root hash.
    public var commandLine: String
    /// The lock that the packages came from.
    public var lock: Lock
    /// The disk image files by format: `raw`, `qcow2`, `vmdk`.
    public var images: [String: File]
    /// The version of the tool that built this.
    public var toolVersion: String
    /// Whether the image has Bulkhead's own programs, without which no boot of it is ever found healthy; nil where
    /// an older tool did not say.
    public var hostPrograms: Bool?
    /// The digest of the TUF root metadata in the image, by which its host trusts updates; nil where it has none and so
    /// cannot update.
    public var updateRoot: SHA256Digest?
    /// The artefacts by which the root travels; nil before the release is published.
    public var transports: Transports?

    /// A file beside `release.json`.
    public struct File: Sendable, Hashable, Codable {
        /// The file's name, without folders.
        public var file: String
        /// The number of bytes.
        public var size: UInt64
        /// The digest of all bytes.
        public var sha256: SHA256Digest

        /// States a file's name and content.
        public init(file: String, size: UInt64, sha256: SHA256Digest) {
            self.file = file
            self.size = size
            self.sha256 = sha256
        }
    }

    /// The root file system and the dm-verity tree over it.
    public struct Root: Sendable, Hashable, Codable {
        /// The root hash of the tree.
        public var hash: SHA256Digest
        /// The salt that goes before every block that is hashed; at most 256 bytes.
        public var salt: HexBytes
        /// Bytes a data block and a hash block, 4096.
        public var blockSize: UInt64
        /// The number of data blocks.
        public var dataBlocks: UInt64
        /// Bytes of the file system, `dataBlocks` times `blockSize`.
        public var size: UInt64
        /// The digest of the file system.
        public var sha256: SHA256Digest
        /// Bytes of the tree with its superblock.
        public var treeSize: UInt64
        /// The digest of the tree with its superblock.
        public var treeSha256: SHA256Digest

        /// States a root file system.
        public init(
            hash: SHA256Digest,
            salt: HexBytes,
            blockSize: UInt64 = 4096,
            dataBlocks: UInt64,
            size: UInt64,
            sha256: SHA256Digest,
            treeSize: UInt64,
            treeSha256: SHA256Digest
        ) {
            self.hash = hash
            self.salt = salt
            self.blockSize = blockSize
            self.dataBlocks = dataBlocks
            self.size = size
            self.sha256 = sha256
            self.treeSize = treeSize
            self.treeSha256 = treeSha256
        }
    }

    /// The disk as a whole.
    public struct Disk: Sendable, Hashable, Codable {
        /// The number of bytes.
        public var size: UInt64
        /// The digest of all bytes.
        public var sha256: SHA256Digest
        /// The partitions in the order of the table.
        public var partitions: [Partition]

        /// States a disk.
        public init(size: UInt64, sha256: SHA256Digest, partitions: [Partition]) {
            self.size = size
            self.sha256 = sha256
            self.partitions = partitions
        }
    }

    /// A partition of the disk.
    public struct Partition: Sendable, Hashable, Codable {
        /// The GPT label.
        public var label: String
        /// The GPT type, a UUID in lower case.
        public var type: String
        /// The GPT unique id, a UUID in lower case.
        public var uuid: String
        /// The number of bytes.
        public var size: UInt64

        /// States a partition.
        public init(label: String, type: String, uuid: String, size: UInt64) {
            self.label = label
            self.type = type
            self.uuid = uuid
            self.size = size
        }
    }

    /// The lock that the packages came from.
    public struct Lock: Sendable, Hashable, Codable {
        /// The digest of the lock as it stood in the repository.
        public var sha256: SHA256Digest
        /// Whether packages had to be resolved again, so that the image is not what the lock says.
        public var changed: Bool
        /// What differs from the lock; empty unless it changed.
        public var differences: [LockDifference]

        /// States a lock.
        public init(sha256: SHA256Digest, changed: Bool = false, differences: [LockDifference] = []) {
            self.sha256 = sha256
            self.changed = changed
            self.differences = differences
        }
    }

    /// A package that is not what the lock says.
    public struct LockDifference: Sendable, Hashable, Codable {
        /// The package's name.
        public var package: String
        /// The version in the lock; nil if the lock has no such package.
        public var locked: String?
        /// The version in the image; nil if the image has no such package.
        public var used: String?

        /// States a difference.
        public init(package: String, locked: String?, used: String?) {
            self.package = package
            self.locked = locked
            self.used = used
        }
    }

    /// States a release; `validate()` or `encoded()` say whether it is a possible one.
    public init(
        variant: String,
        architecture: String,
        version: String,
        sourceDateEpoch: UInt64,
        sectorSize: UInt64,
        root: Root,
        uki: File,
        disk: Disk,
        kernelVersion: String,
        commandLine: String,
        lock: Lock,
        images: [String: File],
        toolVersion: String,
        hostPrograms: Bool? = nil,
        updateRoot: SHA256Digest? = nil,
        transports: Transports? = nil
    ) {
        formatVersion = Self.currentFormat
        self.variant = variant
        self.architecture = architecture
        self.version = version
        self.sourceDateEpoch = sourceDateEpoch
        self.sectorSize = sectorSize
        self.root = root
        self.uki = uki
        self.disk = disk
        self.kernelVersion = kernelVersion
        self.commandLine = commandLine
        self.lock = lock
        self.images = images
        self.toolVersion = toolVersion
        self.hostPrograms = hostPrograms
        self.updateRoot = updateRoot
        self.transports = transports
    }
}

/// Bytes that are hexadecimal text in JSON.
public struct HexBytes: Sendable, Hashable, Codable, CustomStringConvertible {
    /// The bytes.
    public let bytes: [UInt8]

    /// Takes bytes.
    public init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// The bytes as lower-case hexadecimal digits.
    public var description: String { Hex.encode(bytes) }

    /// Decodes the hexadecimal form.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let bytes = Hex.decode(text) else {
            throw DecodingError.dataCorruptedError(
                in: container,
                debugDescription: "an even number of hexadecimal digits is expected"
            )
        }
        self.bytes = bytes
    }

    /// Encodes the hexadecimal form.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
