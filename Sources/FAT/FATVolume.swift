import Bytes

/// A FAT12, FAT16 or FAT32 file system, for reading.
///
/// Microsoft FAT specification, with the long names of VFAT. Everything is checked before it is followed: a damaged
/// file system gives errors, never endless loops or reads outside of it.
public struct FATVolume: Sendable {
    /// How the file system lies on its partition.
    public let geometry: FATGeometry
    private let source: ByteSource

    // The specification's limit of a folder: 65536 slots of 32 bytes.
    static let maximumFolderSize = 65_536 * 32
    static let maximumDepth = 32
    static let maximumTreeEntries = 65_536

    /// Reads and checks the first sector.
    ///
    /// - Throws: `FATError`.
    public init(_ source: ByteSource) throws(FATError) {
        geometry = try FATGeometry(source)
        self.source = source
    }

    /// The label in the root folder, which is the one that operating systems show; nil if there is none.
    ///
    /// - Throws: `FATError`.
    public func label() throws(FATError) -> String? { try rootFolder().label }

    /// Whether the file system was not unmounted, by the flag in the first sector or the one in the table.
    ///
    /// FAT12 has no flag in its table.
    /// - Throws: `FATError.unreadable`.
    public func isDirty() throws(FATError) -> Bool {
        if geometry.isMarkedDirty { return true }
        var table = TableReader(volume: self)
        switch geometry.kind {
        case .fat12: return false
        case .fat16: return try table.value(1) & 0x8000 == 0
        case .fat32: return try table.value(1) & 0x0800_0000 == 0
        }
    }

    /// Whether all copies of the allocation table are the same; a cut write leaves them different.
    ///
    /// - Throws: `FATError.unreadable`.
    public func tablesAgree() throws(FATError) -> Bool {
        let step: UInt64 = 1 << 16
        for copy in 1..<max(geometry.tableCount, 1) {
            var offset: UInt64 = 0
            while offset < geometry.tableSize {
                let count = Int(min(step, geometry.tableSize - offset))
                let first = try read(at: geometry.tableOffset + offset, count: count)
                let other = geometry.tableOffset + UInt64(copy) * geometry.tableSize + offset
                if try read(at: other, count: count) != first { return false }
                offset += UInt64(count)
            }
        }
        return true
    }

    /// What a folder holds; the empty path is the root.
    ///
    /// - Throws: `FATError`.
    public func folder(_ path: String = "") throws(FATError) -> FATFolder {
        guard let entry = try find(path) else { return try rootFolder() }
        return try folder(entry, path: path)
    }

    /// The file or folder at a path of names separated by `/`, in any case; names may be short ones.
    ///
    /// - Throws: `FATError`, among others `.notFound`; the root has no entry.
    public func entry(_ path: String) throws(FATError) -> FATEntry {
        guard let entry = try find(path) else { throw .notAFile(path: path) }
        return entry
    }

    /// The contents of the file at a path.
    ///
    /// - Throws: `FATError`.
    public func contents(_ path: String) throws(FATError) -> ByteSource {
        try contents(of: entry(path), path: path)
    }

    /// The contents of a file; its chain of clusters is followed now, its data is read when asked for.
    ///
    /// - Throws: `FATError`, if the chain is broken or does not fit the file's size.
    public func contents(of file: FATEntry, path: String? = nil) throws(FATError) -> ByteSource {
        let path = path ?? file.name
        let clusters = try clusters(of: file, path: path)
        return clusters.isEmpty ? ByteSource(bytes: []) : extents(of: clusters, size: UInt64(file.size))
    }

    /// Where the bytes behind a file's end lie that its last cluster has to spare, in bytes from the start of the
    /// file system; empty if there are none.
    ///
    /// What is written there is nobody's: mtools leaves pieces of its memory there.
    /// - Throws: `FATError`, if the chain is broken or does not fit the file's size.
    public func slack(of file: FATEntry, path: String? = nil) throws(FATError) -> Range<UInt64> {
        let clusters = try clusters(of: file, path: path ?? file.name)
        guard let last = clusters.last else { return 0..<0 }
        let unit = UInt64(geometry.clusterSize)
        let end = geometry.dataOffset + (UInt64(last - 2) + 1) * unit
        return end - (UInt64(clusters.count) * unit - UInt64(file.size))..<end
    }

    /// The clusters of a file, as many as its size needs.
    private func clusters(of file: FATEntry, path: String) throws(FATError) -> [UInt32] {
        guard !file.isFolder else { throw .notAFile(path: path) }
        let size = UInt64(file.size)
        if size == 0 && file.firstCluster == 0 { return [] }
        let unit = UInt64(geometry.clusterSize)
        // An empty file may own a cluster.
        let needed = max(1, Int((size + unit - 1) / unit))
        let clusters = try chain(
            from: file.firstCluster,
            path: path,
            limit: min(needed, Int(geometry.clusterCount))
        )
        guard clusters.count == needed else {
            throw .shortChain(path: path, size: size, clusters: clusters.count)
        }
        return clusters
    }

    /// All files and folders below a folder, with their paths, parents first.
    ///
    /// - Throws: `FATError`; `.treeTooLarge` where folders contain themselves.
    public func tree(_ path: String = "") throws(FATError) -> [(path: String, entry: FATEntry)] {
        var found: [(path: String, entry: FATEntry)] = []
        var seen: Set<UInt32> = []
        var pending = [(path: path, folder: try folder(path), depth: 0)]
        while let next = pending.popLast() {
            for entry in next.folder.entries {
                let path = next.path.isEmpty ? entry.name : "\(next.path)/\(entry.name)"
                found.append((path, entry))
                guard found.count <= Self.maximumTreeEntries, next.depth < Self.maximumDepth else {
                    throw .treeTooLarge(path: path)
                }
                guard entry.isFolder else { continue }
                guard seen.insert(entry.firstCluster).inserted else { throw .treeTooLarge(path: path) }
                pending.append((path, try folder(entry, path: path), next.depth + 1))
            }
        }
        return found
    }

    // MARK: Folders

    private func find(_ path: String) throws(FATError) -> FATEntry? {
        var current: FATEntry?
        var walked = ""
        for part in path.split(separator: "/") {
            let folder: FATFolder
            if let current {
                folder = try self.folder(current, path: walked)
            } else {
                folder = try rootFolder()
            }
            let wanted = part.lowercased()
            guard
                let entry = folder.entries.first(where: {
                    $0.name.lowercased() == wanted || $0.shortName.lowercased() == wanted
                })
            else { throw .notFound(path: path) }
            walked = walked.isEmpty ? String(part) : "\(walked)/\(part)"
            current = entry
        }
        return current
    }

    private func rootFolder() throws(FATError) -> FATFolder {
        let root = geometry.fixedRoot
        if geometry.kind == .fat32 { return try folder(startingAt: geometry.rootCluster, path: "/") }
        return FATFolder(slots: try read(at: root.lowerBound, count: Int(root.upperBound - root.lowerBound)))
    }

    private func folder(_ entry: FATEntry, path: String) throws(FATError) -> FATFolder {
        guard entry.isFolder else { throw .notAFolder(path: path) }
        return try folder(startingAt: entry.firstCluster, path: path)
    }

    private func folder(startingAt cluster: UInt32, path: String) throws(FATError) -> FATFolder {
        let limit = max(1, Self.maximumFolderSize / geometry.clusterSize)
        let clusters = try chain(from: cluster, path: path, limit: limit)
        let source = extents(of: clusters, size: UInt64(clusters.count) * UInt64(geometry.clusterSize))
        do {
            return FATFolder(slots: try source.read(at: 0, count: Int(source.size)))
        } catch {
            throw .unreadable(error)
        }
    }

    // MARK: Clusters

    /// The clusters of a chain, at most `limit` of them.
    private func chain(from first: UInt32, path: String, limit: Int) throws(FATError) -> [UInt32] {
        var clusters: [UInt32] = []
        var table = TableReader(volume: self)
        var previous: UInt32 = 0
        // FAT12 and FAT16 have nothing meaningful in the upper half of an entry's first cluster.
        var next = geometry.kind == .fat32 ? first & 0x0fff_ffff : first & 0xffff
        while true {
            guard next >= 2, next <= geometry.lastCluster else {
                throw .brokenChain(path: path, cluster: previous, next: next)
            }
            guard clusters.count < limit else { throw .endlessChain(path: path, clusters: limit) }
            clusters.append(next)
            previous = next
            next = try table.value(next)
            if next >= table.endMark { return clusters }
        }
    }

    /// The bytes of clusters, neighbours joined.
    private func extents(of clusters: [UInt32], size: UInt64) -> ByteSource {
        let unit = UInt64(geometry.clusterSize)
        var runs: [(start: UInt64, offset: UInt64, size: UInt64)] = []
        for (index, cluster) in clusters.enumerated() {
            let offset = geometry.dataOffset + UInt64(cluster - 2) * unit
            if let last = runs.last, last.offset + last.size == offset {
                runs[runs.count - 1].size += unit
            } else {
                runs.append((UInt64(index) * unit, offset, unit))
            }
        }
        let pieces = runs
        let source = source
        return ByteSource(size: size) { offset, count in
            var bytes: [UInt8] = []
            bytes.reserveCapacity(count)
            // The last run that starts at or before the offset.
            var low = 0
            var high = pieces.count
            while high - low > 1 {
                let middle = (low + high) / 2
                if pieces[middle].start <= offset { low = middle } else { high = middle }
            }
            var position = offset
            while bytes.count < count, low < pieces.count {
                let piece = pieces[low]
                let skip = position - piece.start
                let length = min(UInt64(count - bytes.count), piece.size - skip)
                bytes += try source.read(at: piece.offset + skip, count: Int(length))
                position += length
                low += 1
            }
            return bytes
        }
    }

    func read(at offset: UInt64, count: Int) throws(FATError) -> [UInt8] {
        do {
            return try source.read(at: offset, count: count)
        } catch {
            throw .unreadable(error)
        }
    }
}
