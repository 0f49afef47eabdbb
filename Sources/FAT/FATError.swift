public import BlockDevices
import Bytes

/// Why a FAT file system, or something in it, could not be read or written.
public enum FATError: Error, Equatable, CustomStringConvertible {
    /// The bytes could not be read.
    case unreadable(ByteSourceError)
    /// The first sector is not that of a FAT file system, or contradicts itself.
    case notFAT(String)
    /// The file system is larger than the partition or image it is in.
    case tooLarge(size: UInt64, available: UInt64)
    /// A chain of clusters leads to a cluster that is free, bad or does not exist.
    case brokenChain(path: String, cluster: UInt32, next: UInt32)
    /// A chain of clusters is a loop, or is longer than its file.
    case endlessChain(path: String, clusters: Int)
    /// A chain of clusters is shorter than its file.
    case shortChain(path: String, size: UInt64, clusters: Int)
    /// There is no such file or folder.
    case notFound(path: String)
    /// The path leads through or to a file where a folder is needed.
    case notAFolder(path: String)
    /// The path leads to a folder where a file is needed.
    case notAFile(path: String)
    /// The tree of folders is deeper or larger than any real one.
    case treeTooLarge(path: String)

    /// The device could not be read, written or flushed.
    case device(BlockDeviceError)
    /// This kind of file system is read but not written.
    case unsupported(String)
    /// A loss of power left something that `FATCheck` must put right first.
    case needsRepair(FATFault)
    /// Two files or folders claim the same cluster.
    case crossLinked(path: String, other: String, cluster: UInt32)
    /// There is a file or folder of that name.
    case exists(path: String)
    /// Several files or folders answer to that name.
    case ambiguous(path: String)
    /// The name cannot be one of a file on FAT.
    case badName(String)
    /// There are fewer free bytes than needed.
    case full(needed: UInt64, free: UInt64)
    /// The folder cannot have more entries.
    case folderFull(path: String)
    /// Only an empty folder can be removed.
    case folderNotEmpty(path: String)
    /// The folder cannot be laid out anew because other folders refer to its place.
    case folderHeld(path: String)
    /// What was written reads back as something else.
    case readBackDiffers(path: String, offset: UInt64)
    /// FAT has no files of that size.
    case fileTooLarge(path: String, size: UInt64)

    /// What is wrong and what to do about it.
    public var description: String {
        switch self {
        case .unreadable(let error): error.description
        case .notFAT(let reason): "this is not a FAT file system: \(reason)"
        case .tooLarge(let size, let available):
            "the FAT file system says it has \(size) bytes but only \(available) are there; the image is truncated"
        case .brokenChain(let path, let cluster, let next):
            "'\(path)' is damaged: cluster \(cluster) leads to \(next), which holds no data; run fsck.vfat"
        case .endlessChain(let path, let clusters):
            "'\(path)' is damaged: its chain does not end after \(clusters) clusters; run fsck.vfat"
        case .shortChain(let path, let size, let clusters):
            "'\(path)' is damaged: its \(size) bytes have only \(clusters) clusters; run fsck.vfat"
        case .notFound(let path):
            "there is no '\(path)' in the FAT file system; list its folder to see what is"
        case .notAFolder(let path): "'\(path)' is not a folder; check the path"
        case .notAFile(let path): "'\(path)' is a folder, not a file; check the path"
        case .device(let error): error.description
        case .unsupported(let what):
            "this FAT file system cannot be written: \(what); make it again as FAT32 with mkfs.vfat -F 32"
        case .needsRepair(let fault): "\(fault), as after a loss of power; repair the file system first"
        case .crossLinked(let path, let other, let cluster):
            "'\(path)' and '\(other)' both claim cluster \(cluster); nothing is written: remove one of them and run "
                + "fsck.vfat"
        case .exists(let path): "there is a '\(path)' already; remove it first or use another name"
        case .ambiguous(let path):
            "several entries answer to '\(path)'; the folder is damaged: remove one of them with mdel or fsck.vfat"
        case .badName(let name):
            "'\(name)' cannot be a name on FAT; use 1 to 255 characters without control characters and any of "
                + "\" * / : < > ? \\ |, not ending in '.' or a space"
        case .full(let needed, let free):
            "the FAT file system is full: \(needed) bytes are needed and \(free) are free; remove files from it"
        case .folderFull(let path):
            "the folder '\(path)' cannot have more entries; remove files from it"
        case .folderNotEmpty(let path): "the folder '\(path)' is not empty; remove what is in it first"
        case .folderHeld(let path):
            "the folder '\(path)' cannot be laid out anew: it is the root or has folders in it"
        case .readBackDiffers(let path, let offset):
            "'\(path)' reads back differently from offset \(offset) on, and was not given its name; the disk is "
                + "failing: replace it"
        case .fileTooLarge(let path, let size):
            "'\(path)' of \(size) bytes is too large for FAT; the limit is 4294967295"
        case .treeTooLarge(let path):
            "the folders at '\(path)' are nested too deeply or are too many; the file system is damaged: run fsck.vfat"
        }
    }
}
