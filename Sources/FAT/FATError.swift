import Bytes

/// Why a FAT file system, or something in it, could not be read.
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
        case .treeTooLarge(let path):
            "the folders at '\(path)' are nested too deeply or are too many; the file system is damaged: run fsck.vfat"
        }
    }
}
