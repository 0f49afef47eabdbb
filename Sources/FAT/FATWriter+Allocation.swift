import BlockDevices
import Bytes

extension FATWriter {
    /// Walks the file system and makes sure that it can be changed.
    func survey() throws(FATError) -> FATSurvey {
        // A change that failed may have left something in the cache, which is neither here nor there.
        try flush()
        var first: AllocationTable?
        for copy in 0..<geometry.tableCount {
            let other: AllocationTable
            do {
                other = try AllocationTable(device, geometry, copy: copy)
            } catch .device {
                throw .needsRepair(.tablesDiffer)
            }
            guard first.map({ $0.differences(from: other).isEmpty }) ?? true else {
                throw .needsRepair(.tablesDiffer)
            }
            first = first ?? other
        }
        guard let table = first else { throw .notFAT("it has no allocation table") }
        let survey = try FATSurvey(device, table: table)
        try survey.requireSafe()
        return survey
    }

    /// The bytes of clusters that can be given to files.
    func freeBytes(in survey: FATSurvey) -> UInt64 {
        UInt64(max(0, survey.table.freeCount - survey.pinned.count)) * UInt64(geometry.clusterSize)
    }

    /// Finds free clusters, neighbours where possible.
    func allocate(_ count: UInt64, in survey: FATSurvey) throws(FATError) -> [UInt32] {
        let free = freeBytes(in: survey)
        let unit = UInt64(geometry.clusterSize)
        guard count <= free / unit else { throw .full(needed: count * unit, free: free) }
        let clusters = survey.table.free(Int(count), except: survey.pinned)
        guard clusters.count == Int(count) else { throw .full(needed: count * unit, free: free) }
        return clusters
    }

    /// Where a name goes in a folder, and by how many clusters the folder grows for it.
    func plan(_ name: FATName, in folder: Int, spareSlots: Int, of survey: FATSurvey) throws(FATError)
        -> (start: Int, growth: Int)
    {
        let target = survey.folders[folder]
        // More than this much room is never asked for in earnest.
        let room = min(max(0, spareSlots), geometry.slotsPerCluster - 1)
        for growth in 0...3 {
            if growth > 0 {
                let size = target.bytes.count + growth * geometry.clusterSize
                guard !target.clusters.isEmpty, size <= FATVolume.maximumFolderSize else { break }
            }
            let edit = FolderEdit(target, geometry: geometry, addedClusters: growth)
            if let start = edit.place(for: name.slotCount, room: room) { return (start, growth) }
        }
        // Without the room, if it is the room that is missing.
        if room > 0 { return try plan(name, in: folder, spareSlots: 0, of: survey) }
        throw .folderFull(path: target.path)
    }

    /// Makes chains durable, lets the folder grow, and writes the name.
    func publish(
        _ name: FATName,
        _ entry: [UInt8],
        own: [UInt32],
        added: [UInt32],
        at start: Int,
        in folder: Int,
        of survey: inout FATSurvey
    ) throws(FATError) {
        let target = survey.folders[folder]
        survey.table.makeChain(own)
        survey.table.makeChain(added)
        try writeTable(&survey, hint: (own + added).last)
        if let first = added.first, let last = target.clusters.last {
            // The new clusters are a chain of their own until here, so this is one entry of the table.
            survey.table.set(last, to: first)
            try writeTable(&survey, hint: nil)
        }
        let perCluster = geometry.clusterSize / geometry.sectorSize
        let sectors =
            target.sectors
            + added.flatMap { cluster in
                (0..<perCluster).map {
                    geometry.offset(ofCluster: cluster) + UInt64($0 * geometry.sectorSize)
                }
            }
        let slots = try name.slots(avoiding: survey.names(in: folder), entry: entry)
        let edit = FolderEdit(target, geometry: geometry, addedClusters: added.count)
        try apply(edit.placing(slots, at: start), to: sectors)
    }

    /// Lays a folder out in new clusters and lets its parent's entry lead to them.
    func layOut(_ number: Int, replacing: (old: Range<Int>, slots: [[UInt8]])?, of survey: FATSurvey)
        throws(FATError)
    {
        var survey = survey
        let folder = survey.folders[number]
        // The folders in it would have to be told that it moved.
        guard let itemNumber = folder.item, !folder.content.entries.contains(where: \.isFolder) else {
            throw .folderHeld(path: folder.path)
        }
        let names = folder.names(replacing: replacing)
        let item = survey.items[itemNumber]
        let parent = survey.folders[item.folder]
        // Its own number is not known yet, but takes no room.
        func layout(own: UInt32) -> [UInt8] {
            let dots = FATWriter.dotEntries(
                own: own,
                parent: parent.item == nil ? 0 : parent.clusters.first ?? 0
            )
            return FolderEdit.layout(names, behind: dots, perSector: geometry.slotsPerSector)
        }
        let clusters = try allocate(geometry.clusters(for: UInt64(layout(own: 0).count)), in: survey)
        guard let first = clusters.first else { throw .folderFull(path: folder.path) }
        var bytes = layout(own: first)
        bytes += [UInt8](repeating: 0, count: clusters.count * geometry.clusterSize - bytes.count)
        for (index, cluster) in clusters.enumerated() {
            let start = index * geometry.clusterSize
            try write(
                Array(bytes[start..<start + geometry.clusterSize]),
                at: geometry.offset(ofCluster: cluster)
            )
        }
        try flush()
        survey.table.makeChain(clusters)
        try writeTable(&survey, hint: clusters.last)
        let slot = item.entry.slots.upperBound - 1
        let sector = slot / geometry.slotsPerSector
        let sectorStart = sector * geometry.sectorSize
        var image = Array(parent.bytes[sectorStart..<sectorStart + geometry.sectorSize])
        let offset = slot * 32 - sectorStart
        for (index, shift) in [(20, 16), (21, 24), (26, 0), (27, 8)] as [(Int, UInt32)] {
            image[offset + index] = UInt8(truncatingIfNeeded: first >> shift)
        }
        try apply([[(sector, image)]], to: parent.sectors)
        try free(item.clusters, in: &survey)
    }

    /// Frees a chain that no name leads to any more.
    func free(_ clusters: [UInt32], in survey: inout FATSurvey) throws(FATError) {
        for cluster in clusters { survey.table.set(cluster, to: 0) }
        try writeTable(&survey, hint: nil)
    }

    /// Writes what changed in the table, and the number of free clusters, and makes them durable.
    func writeTable(_ survey: inout FATSurvey, hint: UInt32?) throws(FATError) {
        try survey.table.write(to: device)
        try writeSummary(free: UInt32(survey.table.freeCount), hint: hint)
        try flush()
    }

    /// The number of free clusters that FAT32 records; nil if the sector for it is not what it should be.
    func recordedFreeCount() throws(FATError) -> UInt32? {
        guard let sector = try summarySector() else { return nil }
        return sector.littleEndian(UInt32.self, at: 488)
    }

    /// Records the number of free clusters, which is only a hint, and where the next free one may be.
    func writeSummary(free: UInt32, hint: UInt32?) throws(FATError) {
        guard let offset = geometry.summaryOffset, var sector = try summarySector() else { return }
        var value: [UInt8] = []
        value.appendLittleEndian(free)
        sector.replaceSubrange(488..<492, with: value)
        if let hint {
            value = []
            value.appendLittleEndian(hint)
            sector.replaceSubrange(492..<496, with: value)
        }
        try write(sector, at: offset)
    }

    private func summarySector() throws(FATError) -> [UInt8]? {
        guard let offset = geometry.summaryOffset else { return nil }
        let sector: [UInt8]
        do throws(BlockDeviceError) {
            sector = try device.readMedium(at: offset, count: geometry.sectorSize)
        } catch {
            throw .device(error)
        }
        let isSummary =
            sector.littleEndian(UInt32.self, at: 0) == 0x4161_5252
            && sector.littleEndian(UInt32.self, at: 484) == 0x6141_7272
        return isSummary ? sector : nil
    }
}

extension FATSurvey.Folder {
    /// The slots of all entries, one of which may be replaced.
    func names(replacing: (old: Range<Int>, slots: [[UInt8]])? = nil) -> [[[UInt8]]] {
        content.entries.map { entry in
            if let replacing, replacing.old == entry.slots { return replacing.slots }
            return entry.slots.map { Array(bytes[$0 * 32..<$0 * 32 + 32]) }
        }
    }
}

extension FATSurvey {
    /// The number of the folder at a path; the empty path is the root.
    func folder(_ path: String) throws(FATError) -> Int {
        var current = 0
        for part in path.split(separator: "/") {
            let number = try item(String(part), in: current, path: path)
            guard items[number].entry.isFolder, let next = folders.firstIndex(where: { $0.item == number })
            else { throw .notAFolder(path: path) }
            current = next
        }
        return current
    }

    /// The number of the file or folder at a path.
    func item(_ path: String) throws(FATError) -> Int {
        let (parent, name) = Self.split(path)
        guard !name.isEmpty else { throw .notAFile(path: path) }
        return try item(name, in: try folder(parent), path: path)
    }

    /// The folder and the checked last name of a path at which there is nothing yet.
    func newName(_ path: String) throws(FATError) -> (folder: Int, name: FATName) {
        let (parent, text) = Self.split(path)
        let name = try FATName(text)
        let folder = try folder(parent)
        guard !names(in: folder).contains(text.lowercased()) else { throw .exists(path: path) }
        return (folder, name)
    }

    /// All names in a folder, long and short ones, in lower case.
    func names(in folder: Int, except slots: Range<Int>? = nil) -> Set<String> {
        var names: Set<String> = []
        for entry in folders[folder].content.entries where entry.slots != slots {
            names.insert(entry.name.lowercased())
            names.insert(entry.shortName.lowercased())
        }
        return names
    }

    private func item(_ name: String, in folder: Int, path: String) throws(FATError) -> Int {
        let wanted = name.lowercased()
        let inside = items.indices.filter { items[$0].folder == folder }
        let found = inside.filter { items[$0].entry.name.lowercased() == wanted }
        let matches =
            found.isEmpty ? inside.filter { items[$0].entry.shortName.lowercased() == wanted } : found
        guard let first = matches.first else { throw .notFound(path: path) }
        guard matches.count == 1 else { throw .ambiguous(path: path) }
        return first
    }

    private static func split(_ path: String) -> (parent: String, name: String) {
        var parts = path.split(separator: "/")
        let name = parts.popLast() ?? ""
        return (parts.joined(separator: "/"), String(name))
    }
}
