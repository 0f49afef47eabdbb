/// How two images differ, and what an update from one to the other costs.
public struct DiffReport: Sendable, Equatable, Codable {
    /// One of the two images.
    public struct Side: Sendable, Equatable, Codable {
        /// The path as it was given.
        public var path: String
        /// What it is.
        public var kind: InspectionReport.Kind
        /// The image's name and version, from its os-release or `release.json`.
        public var version: String?
        /// The root hash.
        public var rootHash: String?
        /// The kernel's release.
        public var kernelRelease: String?
        /// The kernel command line.
        public var commandLine: String?
        /// Where the list of files is from: `packages.json`, or the root file system that was read.
        public var filesFrom: String?
        /// What is wrong with the image, so that the comparison may be incomplete.
        public var findings: [Finding]
    }

    /// What happened to something from the old image to the new one.
    public enum Change: String, Sendable, Codable {
        /// Only the new image has it.
        case added
        /// Only the old image has it.
        case removed
        /// Both have it, and it is not the same.
        case changed
    }

    /// A package that is not the same in both images.
    public struct PackageChange: Sendable, Hashable, Codable {
        /// The Debian name.
        public var name: String
        /// What happened.
        public var change: Change
        /// The version in the old image.
        public var oldVersion: String?
        /// The version in the new image.
        public var newVersion: String?
    }

    /// What of a file differs.
    public enum Aspect: String, Sendable, Codable, CaseIterable {
        /// The kind of file.
        case type
        /// The bytes.
        case content
        /// The permission bits.
        case mode
        /// Owner or group.
        case owner
        /// What a symlink points to.
        case target
    }

    /// A file that is not the same in both images.
    public struct FileChange: Sendable, Equatable, Codable {
        /// The absolute path.
        public var path: String
        /// What happened.
        public var change: Change
        /// What differs, for files that both images have.
        public var aspects: [Aspect]
        /// The file in the old image.
        public var old: FileRecord?
        /// The file in the new image.
        public var new: FileRecord?
    }

    /// A size in both images; nil where one has no such thing.
    public struct SizeChange: Sendable, Equatable, Codable {
        /// What has the size: a package or a file.
        public var name: String
        /// Bytes in the old image.
        public var old: UInt64?
        /// Bytes in the new image.
        public var new: UInt64?
    }

    /// The old image.
    public var old: Side
    /// The new image.
    public var new: Side
    /// Packages that differ, by name; nil if an image has no list of packages.
    public var packages: [PackageChange]?
    /// Files that differ, by path; nil if an image's files could not be read.
    public var files: [FileChange]?
    /// Packages whose files have another size together, the largest change first.
    ///
    /// Nil unless both images know which file belongs to which package. Files of no package are under the name
    /// `Difference.noPackage`.
    public var packageSizes: [SizeChange]?
    /// Words of the kernel command line that only the old image has; without the root hash.
    public var commandLineRemoved: [String]
    /// Words of the kernel command line that only the new image has; without the root hash.
    public var commandLineAdded: [String]
    /// Sizes of `root.erofs`, the hash tree and the unified kernel image.
    public var sizes: [SizeChange]
    /// What an update downloads; nil if one of the roots could not be read.
    public var update: UpdatePlan?
}

/// An entry of an image's file tree.
public struct FileRecord: Sendable, Hashable, Codable {
    /// What an entry can be; a further name of a file counts as a file.
    public enum Kind: String, Sendable, Codable {
        /// A regular file.
        case file
        /// A directory.
        case directory
        /// A symbolic link.
        case symlink
        /// A character device.
        case characterDevice
        /// A block device.
        case blockDevice
        /// A named pipe.
        case fifo
        /// A socket.
        case socket
    }

    /// What it is.
    public var kind: Kind
    /// The permission bits with set-id and sticky bits, as four octal digits.
    public var mode: String
    /// The owner.
    public var uid: UInt32
    /// The group.
    public var gid: UInt32
    /// Bytes of a regular file, 0 otherwise.
    public var size: UInt64
    /// The digest of a regular file's bytes, if it is known.
    public var sha256: String?
    /// What a symlink points to.
    public var target: String?
    /// The package it came with, if it is known.
    public var package: String?

    /// What differs between this entry and another at the same path.
    func differences(from other: FileRecord) -> [DiffReport.Aspect] {
        var aspects: [DiffReport.Aspect] = []
        if kind != other.kind {
            aspects.append(.type)
        } else if size != other.size {
            aspects.append(.content)
        } else if let left = sha256, let right = other.sha256, left != right {
            aspects.append(.content)
        }
        if mode != other.mode { aspects.append(.mode) }
        if uid != other.uid || gid != other.gid { aspects.append(.owner) }
        if kind == other.kind, target != other.target { aspects.append(.target) }
        return aspects
    }

    static func octal(_ mode: UInt16) -> String {
        let digits = String(mode & 0o7777, radix: 8)
        return String(repeating: "0", count: 4 - digits.count) + digits
    }
}

/// What an update from one image to another downloads (DESIGN.md, section 5), in bytes before compression.
///
/// A block of the new root that the old root has anywhere is copied from there. The hash tree is not downloaded but
/// computed from the blocks.
public struct UpdatePlan: Sendable, Equatable, Codable {
    /// Bytes of a block.
    public var blockSize: UInt64
    /// Blocks of the old root.
    public var oldBlocks: UInt64
    /// Blocks of the new root.
    public var newBlocks: UInt64
    /// Blocks of the new root that are not the same as the block at that place in the old one.
    public var changedBlocks: UInt64
    /// Different blocks of the new root that are nowhere in the old one: each is downloaded once.
    public var fetchedBlocks: UInt64
    /// Blocks of the new hash tree.
    public var newTreeBlocks: UInt64
    /// Blocks of the new hash tree that are not the same as the block at that place in the old one.
    public var changedTreeBlocks: UInt64
    /// Bytes of the blocks that are downloaded.
    public var rootBytes: UInt64
    /// Bytes of the index by which old blocks are found: 8 for every block of the new root.
    public var indexBytes: UInt64
    /// Bytes of the parts of the unified kernel image that the old one does not have; 0 if it is the same.
    public var kernelImageBytes: UInt64
    /// Bytes of the changed blocks of the hash tree, which an update computes and does not download.
    public var treeBytes: UInt64
    /// Bytes that are downloaded: blocks, index and unified kernel image.
    public var downloadBytes: UInt64
    /// Bytes of a full install: the new root and its unified kernel image.
    public var fullBytes: UInt64
}
