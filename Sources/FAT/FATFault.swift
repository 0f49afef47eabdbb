/// Something in a FAT file system that is not as it should be.
public enum FATFault: Sendable, Hashable, CustomStringConvertible {
    /// The copies of the allocation table differ; what differs belongs to no file.
    case tablesDiffer
    /// A flag says that the file system was not unmounted.
    case markedDirty
    /// Clusters are taken but belong to no file.
    case lostClusters(count: Int)
    /// The number of free clusters that FAT32 records is wrong.
    case wrongFreeCount(recorded: UInt32, actual: UInt32)
    /// Pieces of long names without an entry are in a folder.
    case orphanedLongName(folder: String, pieces: Int)
    /// An entry has lost its long name, and has only its short one.
    case tornName(path: String)
    /// Two entries are for the same clusters: one file with two names, as a cut renaming leaves it.
    case twoNames(path: String, other: String)
    /// A folder's chain ends in a cluster that is free.
    case cutFolder(path: String)
    /// A chain leads to a cluster that is free, bad, or does not exist.
    case brokenChain(path: String, cluster: UInt32, next: UInt32)
    /// A folder's chain leads to a cluster that is free, bad, or does not exist, so that not all of its names are known.
    case brokenFolder(path: String, cluster: UInt32, next: UInt32)
    /// A file's chain is shorter or longer than its size.
    case wrongLength(path: String, size: UInt32, clusters: Int)
    /// Two chains share clusters.
    case crossLink(path: String, other: String, cluster: UInt32)

    /// What is wrong.
    public var description: String {
        switch self {
        case .tablesDiffer: "the copies of the allocation table differ"
        case .markedDirty: "the file system is marked as not unmounted"
        case .lostClusters(let count): "\(count) clusters are taken but belong to no file"
        case .wrongFreeCount(let recorded, let actual):
            "\(recorded == .max ? "no number" : "\(recorded)") of free clusters is recorded, but \(actual) are free"
        case .orphanedLongName(let folder, let pieces):
            "the folder '\(folder)' has \(pieces) pieces of long names without a file"
        case .tornName(let path): "'\(path)' has lost its long name"
        case .twoNames(let path, let other): "'\(path)' and '\(other)' are two names of one file"
        case .cutFolder(let path): "the folder '\(path)' ends in a cluster that is free"
        case .brokenChain(let path, let cluster, let next):
            "'\(path)' is damaged: cluster \(cluster) leads to \(next), which holds no data"
        case .brokenFolder(let path, let cluster, let next):
            "the folder '\(path)' is damaged: cluster \(cluster) leads to \(next), which holds no names"
        case .wrongLength(let path, let size, let clusters):
            "'\(path)' is damaged: it has \(size) bytes but \(clusters) clusters"
        case .crossLink(let path, let other, let cluster):
            "'\(path)' and '\(other)' both claim cluster \(cluster)"
        }
    }
}
