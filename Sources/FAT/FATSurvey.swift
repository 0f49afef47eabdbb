import BlockDevices

/// All folders and chains of a file system, walked once and checked: what every change starts from.
struct FATSurvey {
    /// A folder with the bytes of its slots.
    struct Folder {
        let path: String
        /// Empty for the root folder of FAT16, which has a place of its own.
        let clusters: [UInt32]
        /// Where each of its sectors is, in bytes from the start.
        let sectors: [UInt64]
        let bytes: [UInt8]
        let content: FATFolder
        /// The entry that leads here; nil for the root.
        let item: Int?
    }

    /// A file or folder with its clusters.
    struct Item {
        let path: String
        let entry: FATEntry
        let clusters: [UInt32]
        /// The folder that it is in.
        let folder: Int
        /// Whether another entry is for the same clusters.
        var isShared = false
    }

    let geometry: FATGeometry
    var table: AllocationTable
    private(set) var folders: [Folder] = []
    private(set) var items: [Item] = []
    private(set) var faults: [FATFault] = []
    /// Free clusters that a damaged chain leads to: they must not become those of another file.
    private(set) var pinned: Set<UInt32> = []
    /// Taken clusters that belong to nothing that was found.
    private(set) var lostClusters: [UInt32] = []
    /// The last sound cluster of each folder whose chain ends in a free cluster.
    private(set) var cutFolders: [(path: String, last: UInt32)] = []

    private let device: any BlockDevice
    /// The item that a cluster belongs to; `rootOwner` for the root folder.
    private var owners: [Int32]
    private var folderBytes = 0
    private static let nobody: Int32 = -2
    private static let rootOwner: Int32 = -1
    /// The bytes of all folders together are no more than this.
    private static let maximumFolderBytes = 16 << 20

    /// Walks the file system by one copy of its table.
    ///
    /// Damage is collected in `faults`; only what makes the walk impossible is thrown.
    init(_ device: any BlockDevice, table: AllocationTable) throws(FATError) {
        self.device = device
        self.table = table
        geometry = table.geometry
        owners = [Int32](repeating: Self.nobody, count: Int(geometry.lastCluster) + 1)
        try addRoot()
        var next = 0
        while next < folders.count {
            try addItems(of: next)
            next += 1
        }
        lostClusters = findLostClusters()
        if !lostClusters.isEmpty { faults.append(.lostClusters(count: lostClusters.count)) }
    }

    private func findLostClusters() -> [UInt32] {
        var lost: [UInt32] = []
        owners.withUnsafeBufferPointer { owners in
            var cluster: UInt32 = 2
            while cluster <= geometry.lastCluster {
                if owners[Int(cluster)] == Self.nobody {
                    let value = table.value(cluster)
                    if value != 0, !table.isBad(value) { lost.append(cluster) }
                }
                cluster += 1
            }
        }
        return lost
    }

    /// Makes sure that changes are safe: that no chain is shared, and every folder is known completely.
    func requireSafe() throws(FATError) {
        for fault in faults {
            switch fault {
            case .crossLink(let path, let other, let cluster):
                throw .crossLinked(path: path, other: other, cluster: cluster)
            // A name written behind such pieces would be taken for a part of them.
            case .cutFolder, .orphanedLongName: throw .needsRepair(fault)
            case .brokenFolder(let path, let cluster, let next):
                throw .brokenChain(path: path, cluster: cluster, next: next)
            default: break
            }
        }
    }

    // MARK: Walk

    private mutating func addRoot() throws(FATError) {
        let root = geometry.fixedRoot
        guard geometry.kind == .fat32 else {
            let step = UInt64(geometry.sectorSize)
            let sectors = Array(stride(from: root.lowerBound, to: root.upperBound, by: Int(step)))
            return try addFolder(path: "", clusters: [], sectors: sectors, item: nil)
        }
        let (clusters, fault) = claim(from: geometry.rootCluster, for: Self.rootOwner, path: "/")
        guard !clusters.isEmpty, fault == nil else {
            throw .brokenChain(path: "/", cluster: clusters.last ?? 0, next: geometry.rootCluster)
        }
        try addFolder(path: "", clusters: clusters, item: nil)
    }

    private mutating func addFolder(path: String, clusters: [UInt32], item: Int?) throws(FATError) {
        let perCluster = geometry.clusterSize / geometry.sectorSize
        let sectors = clusters.flatMap { cluster in
            (0..<perCluster).map {
                geometry.offset(ofCluster: cluster) + UInt64($0 * geometry.sectorSize)
            }
        }
        try addFolder(path: path, clusters: clusters, sectors: sectors, item: item)
    }

    private mutating func addFolder(path: String, clusters: [UInt32], sectors: [UInt64], item: Int?)
        throws(FATError)
    {
        guard sectors.count * geometry.sectorSize <= FATVolume.maximumFolderSize else {
            throw .endlessChain(path: path, clusters: clusters.count)
        }
        // Hostile folders may be as large as the whole file system.
        folderBytes += sectors.count * geometry.sectorSize
        guard folderBytes <= Self.maximumFolderBytes else { throw .treeTooLarge(path: path) }
        let bytes = try read(sectors)
        let content = FATFolder(slots: bytes)
        if content.orphanedLongNamePieces > 0 {
            faults.append(.orphanedLongName(folder: path, pieces: content.orphanedLongNamePieces))
        }
        folders.append(
            Folder(
                path: path,
                clusters: clusters,
                sectors: sectors,
                bytes: bytes,
                content: content,
                item: item
            )
        )
    }

    /// The bytes of sectors from the medium, neighbours read together.
    private func read(_ sectors: [UInt64]) throws(FATError) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(sectors.count * geometry.sectorSize)
        var rest = sectors[...]
        while let first = rest.first {
            var size = 0
            while rest.first == first + UInt64(size) {
                rest.removeFirst()
                size += geometry.sectorSize
            }
            do throws(BlockDeviceError) {
                bytes += try device.readMedium(at: first, count: size)
            } catch {
                throw .device(error)
            }
        }
        return bytes
    }

    private mutating func addItems(of folder: Int) throws(FATError) {
        let parent = folders[folder]
        let depth = parent.path.isEmpty ? 0 : parent.path.split(separator: "/").count
        for entry in parent.content.entries {
            let path = parent.path.isEmpty ? entry.name : "\(parent.path)/\(entry.name)"
            guard items.count < FATVolume.maximumTreeEntries, depth < FATVolume.maximumDepth else {
                throw .treeTooLarge(path: path)
            }
            if entry.longName == .missing || entry.longName == .torn { faults.append(.tornName(path: path)) }
            try add(entry, path: path, folder: folder)
        }
    }

    private mutating func add(_ entry: FATEntry, path: String, folder: Int) throws(FATError) {
        let first = geometry.kind == .fat32 ? entry.firstCluster & 0x0fff_ffff : entry.firstCluster & 0xffff
        let number = items.count
        if first == 0, !entry.isFolder {
            if entry.size > 0 {
                faults.append(.wrongLength(path: path, size: entry.size, clusters: 0))
            }
            items.append(Item(path: path, entry: entry, clusters: [], folder: folder))
            return
        }
        if let other = twin(of: entry, first: first) {
            items[other].isShared = true
            faults.append(.twoNames(path: items[other].path, other: path))
            items.append(
                Item(
                    path: path,
                    entry: entry,
                    clusters: items[other].clusters,
                    folder: folder,
                    isShared: true
                )
            )
            return
        }
        let (clusters, fault) = claim(from: first, for: Int32(number), path: path)
        items.append(Item(path: path, entry: entry, clusters: clusters, folder: folder))
        if entry.isFolder {
            guard !clusters.isEmpty else {
                return faults.append(folderFault(fault, path: path))
            }
            try addFolder(path: path, clusters: clusters, item: number)
            guard let fault else { return }
            if case .brokenChain(_, _, let next) = fault, let last = clusters.last,
                try isUnused(next, behind: folders.count - 1)
            {
                faults.append(.cutFolder(path: path))
                cutFolders.append((path, last))
            } else {
                faults.append(folderFault(fault, path: path))
            }
            return
        }
        if let fault {
            faults.append(fault)
        } else if UInt64(clusters.count) != max(1, geometry.clusters(for: UInt64(entry.size))) {
            faults.append(.wrongLength(path: path, size: entry.size, clusters: clusters.count))
        }
    }

    private func folderFault(_ fault: FATFault?, path: String) -> FATFault {
        if case .brokenChain(_, let cluster, let next)? = fault {
            return .brokenFolder(path: path, cluster: cluster, next: next)
        }
        return fault ?? .brokenFolder(path: path, cluster: 0, next: 0)
    }

    /// Whether a free cluster, to which a folder's chain leads, can have no names of the folder: the folder ends in
    /// front of it, or it was never used.
    private func isUnused(_ cluster: UInt32, behind folder: Int) throws(FATError) -> Bool {
        guard pinned.contains(cluster) else { return false }
        if folders[folder].content.end * 32 < folders[folder].bytes.count { return true }
        let start = geometry.offset(ofCluster: cluster)
        let bytes: [UInt8]
        do throws(BlockDeviceError) {
            bytes = try device.readMedium(at: start, count: geometry.clusterSize)
        } catch {
            throw .device(error)
        }
        let slots = stride(from: 0, to: bytes.count, by: 32).prefix { bytes[$0] != 0 }
        return slots.allSatisfy { bytes[$0] == 0xe5 }
    }

    /// The file that has exactly the same clusters and size.
    private func twin(of entry: FATEntry, first: UInt32) -> Int? {
        guard !entry.isFolder, first >= 2, first <= geometry.lastCluster else { return nil }
        let owner = owners[Int(first)]
        guard owner >= 0, items.indices.contains(Int(owner)) else { return nil }
        let other = items[Int(owner)]
        return other.clusters.first == first && !other.entry.isFolder && other.entry.size == entry.size
            ? Int(owner) : nil
    }

    /// Follows a chain and takes its clusters, as far as it is sound.
    private mutating func claim(from first: UInt32, for owner: Int32, path: String)
        -> (clusters: [UInt32], fault: FATFault?)
    {
        var clusters: [UInt32] = []
        var next = first
        while true {
            guard next >= 2, next <= geometry.lastCluster else {
                return (clusters, .brokenChain(path: path, cluster: clusters.last ?? 0, next: next))
            }
            let holder = owners[Int(next)]
            guard holder == Self.nobody else {
                return (clusters, .crossLink(path: path, other: name(of: holder), cluster: next))
            }
            let value = table.value(next)
            guard value != 0, !table.isBad(value) else {
                if value == 0 { pinned.insert(next) }
                return (clusters, .brokenChain(path: path, cluster: clusters.last ?? 0, next: next))
            }
            owners[Int(next)] = owner
            clusters.append(next)
            if table.isEnd(value) { return (clusters, nil) }
            next = value
        }
    }

    private func name(of owner: Int32) -> String {
        items.indices.contains(Int(owner)) ? items[Int(owner)].path : owner == Self.rootOwner ? "/" : "itself"
    }
}
