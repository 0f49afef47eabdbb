/// What an image or build folder is made of, and everything that is wrong with it.
public struct InspectionReport: Sendable, Equatable, Codable {
    /// What was inspected.
    public enum Kind: String, Sendable, Codable {
        /// A raw disk image.
        case disk
        /// The folder of a build.
        case folder
        /// A unified kernel image.
        case kernelImage
        /// A root file system.
        case rootFileSystem
    }

    /// The path as it was given.
    public var path: String
    /// What it is.
    public var kind: Kind
    /// Whether contents were left unread: no checksums, no hash trees.
    public var isQuick: Bool
    /// The files of a build folder.
    public var files: [OutputFileFacts] = []
    /// What `release.json` says.
    public var release: ReleaseFacts?
    /// The disk and its partitions.
    public var disk: DiskFacts?
    /// What is on the EFI system partition.
    public var boot: BootFacts?
    /// Unified kernel images that are files of their own.
    public var kernelImages: [KernelImageFacts] = []
    /// The root file systems: those of the disk's slots, and a folder's `root.erofs`.
    public var roots: [RootFacts] = []
    /// The packages of the image, by name.
    public var packages: [PackageFacts] = []
    /// Where the packages were read.
    public var packagesFrom: String?
    /// What was found, in the order it was found.
    public var findings: [Finding] = []

    /// The worst finding's severity; nil if there is none.
    public var worst: Finding.Severity? { findings.map(\.severity).max() }

    init(path: String, kind: Kind, isQuick: Bool) {
        self.path = path
        self.kind = kind
        self.isQuick = isQuick
    }
}

/// A file of a build folder.
public struct OutputFileFacts: Sendable, Equatable, Codable {
    /// What the comparison with `SHA256SUMS` gave.
    public enum Status: String, Sendable, Codable {
        /// The digest is that of the list.
        case matches
        /// The digest is another.
        case differs
        /// The list has the file, the folder has not.
        case missing
        /// The folder has the file, the list has not.
        case notListed
        /// The file was not read, or there is no list.
        case notChecked
    }

    /// The file's name.
    public var name: String
    /// Bytes, nil where the file is missing.
    public var size: UInt64?
    /// The digest of the bytes that are there, if they were read.
    public var sha256: String?
    /// What the comparison with the list gave.
    public var status: Status
}

/// What `release.json` says about the build.
public struct ReleaseFacts: Sendable, Equatable, Codable {
    /// The variant's name.
    public var variant: String
    /// The Debian name of the architecture.
    public var architecture: String
    /// The image's version.
    public var version: String
    /// The root hash.
    public var rootHash: String
    /// The time that stands for "now" in the build, in seconds since 1970.
    public var sourceDateEpoch: UInt64
    /// The version of the tool that built it.
    public var toolVersion: String
    /// Whether the image is not what the lock in the repository says.
    public var lockChanged: Bool
    /// The digest of the root metadata that hosts trust updates by; nil where the image has none.
    public var updateRoot: String?
}

/// A disk and its partition table.
public struct DiskFacts: Sendable, Equatable, Codable {
    /// The image file.
    public var file: String
    /// Bytes of the file.
    public var size: UInt64
    /// Bytes of a sector, 512 or 4096.
    public var sectorSize: Int
    /// The disk's identifier.
    public var guid: String
    /// The copy of the table that was used: `primary` or `backup`.
    public var tableCopy: String
    /// The partitions by number.
    public var partitions: [PartitionFacts]
}

/// A partition.
public struct PartitionFacts: Sendable, Equatable, Codable {
    /// The number in the table.
    public var number: Int
    /// The type's name, or its identifier where it has none.
    public var type: String
    /// The label.
    public var label: String
    /// The partition's own identifier (PARTUUID).
    public var uuid: String
    /// Bytes from the start of the disk.
    public var offset: UInt64
    /// Length in bytes.
    public var size: UInt64
}

/// What is on the EFI system partition.
public struct BootFacts: Sendable, Equatable, Codable {
    /// A boot loader's file.
    public struct Loader: Sendable, Equatable, Codable {
        /// The file's path on the partition.
        public var path: String
        /// What the file says that it is, such as `systemd-boot 257.9`; nil if it does not say.
        public var name: String?
        /// Bytes.
        public var size: UInt64
        /// Whether an Authenticode signature is attached.
        public var isSigned: Bool
    }

    /// The partition's number.
    public var partition: Int
    /// The file system: `fat12`, `fat16` or `fat32`.
    public var fileSystem: String
    /// The file system's label.
    public var label: String?
    /// Bytes of a cluster.
    public var clusterSize: Int
    /// Boot loaders.
    public var loaders: [Loader]
    /// The assignments of `loader/loader.conf` in their order, as `key value`; nil without that file.
    public var loaderConfiguration: [String]?
    /// The images in `EFI/Linux`, in the order of the loader's menu: it starts the first.
    public var entries: [KernelImageFacts]
}

/// A unified kernel image.
public struct KernelImageFacts: Sendable, Equatable, Codable {
    /// What the name's counter says.
    public enum State: String, Sendable, Codable {
        /// There is no counter.
        case good
        /// Tries are left.
        case onTrial
        /// No tries are left.
        case failed
    }

    /// The file: a path on the partition, or a file's name.
    public var path: String
    /// Bytes.
    public var size: UInt64
    /// The state of the boot entry; nil where the image is none.
    public var state: State?
    /// Tries left, where there is a counter.
    public var triesLeft: Int?
    /// Tries made, where there is a counter.
    public var triesDone: Int?
    /// The processor it is for: `amd64`, `arm64` or a number; nil if the file is unreadable.
    public var machine: String?
    /// Whether an Authenticode signature is attached.
    public var isSigned: Bool = false
    /// The os-release inside.
    public var osRelease: [String: String] = [:]
    /// The kernel's release.
    public var kernelRelease: String?
    /// The kernel command line.
    public var commandLine: String?
    /// The root hash on the command line.
    public var rootHash: String?
    /// Numbers of the partitions, root and tree, whose PARTUUIDs are the halves of the root hash.
    public var rootPartition: Int?
    /// Number of the partition with the tree.
    public var treePartition: Int?
}

/// A root file system and its hash tree.
public struct RootFacts: Sendable, Equatable, Codable {
    /// What checking the hash tree gave.
    public enum Verification: String, Sendable, Codable {
        /// Every block is what the root hash says.
        case intact
        /// Some blocks are not.
        case damaged
        /// It was not asked for.
        case notChecked
        /// It cannot be done; a finding says why.
        case impossible
        /// The slot is empty.
        case empty
    }

    /// `slot A`, `slot B`, or the file's name.
    public var name: String
    /// Where the data is: a partition or a file.
    public var data: String
    /// Where the hash tree is.
    public var tree: String?
    /// The root hash that the content must have.
    public var rootHash: String?
    /// Where that root hash is from.
    public var rootHashFrom: String?
    /// The superblock of the hash tree.
    public var superblock: SuperblockFacts?
    /// What checking gave.
    public var verification: Verification
    /// The damage.
    public var damage: DamageFacts?
    /// The root hash that follows from the data as it is, if it was computed.
    public var computedRootHash: String?
    /// Bytes that the hash tree protects.
    public var size: UInt64?
    /// The os-release of the root.
    public var osRelease: [String: String] = [:]
    /// Number of files, folders and links, if the file system was walked.
    public var entryCount: Int?
}

/// The parameters of a hash tree.
public struct SuperblockFacts: Sendable, Equatable, Codable {
    /// The hash algorithm.
    public var algorithm: String
    /// The salt in hexadecimal digits.
    public var salt: String
    /// The identifier of the hash device.
    public var uuid: String
    /// Bytes of a block.
    public var blockSize: Int
    /// Number of protected blocks.
    public var dataBlocks: UInt64
    /// Bytes of the tree with its superblock.
    public var treeSize: UInt64
}

/// Blocks that are not what the root hash says.
public struct DamageFacts: Sendable, Equatable, Codable {
    /// A damaged block of the data.
    public struct DataBlock: Sendable, Equatable, Codable {
        /// The block's number in the file system.
        public var block: UInt64
        /// The block's first byte in the file that was inspected.
        public var byteOffset: UInt64
        /// The files and directories of the root that have bytes of their contents in the block.
        public var files: [String]
        /// The files and directories whose inodes lie in the block.
        public var inodes: [String]
    }

    /// A damaged block of the hash tree.
    public struct TreeBlock: Sendable, Equatable, Codable {
        /// The level, 0 holds the digests of data blocks.
        public var level: Int
        /// The block's first byte in the file that was inspected.
        public var byteOffset: UInt64
    }

    /// Number of damaged data blocks.
    public var dataBlockCount: UInt64
    /// The first 1024 of them.
    public var dataBlocks: [DataBlock]
    /// Number of damaged blocks of the tree.
    public var treeBlockCount: UInt64
    /// The first 1024 of them.
    public var treeBlocks: [TreeBlock]
}

/// A package of the image.
public struct PackageFacts: Sendable, Hashable, Codable {
    /// The Debian name.
    public var name: String
    /// The full version.
    public var version: String
    /// The Debian name of the architecture, or `all`.
    public var architecture: String
    /// Bytes of its files in the image; nil where the list of files is not known.
    public var bytes: UInt64?
}
