public import BlockDevices
public import Bytes

/// Changes a FAT16 or FAT32 file system on a device that nothing has mounted, in an order that survives a loss of
/// power at any moment.
///
/// Every change ends in the write of one directory sector; what it needs is durable before, and what it leaves is
/// freed after. So a name is there with its whole content or not at all, and a cut leaves at worst clusters that belong
/// to nobody, or copies of the allocation table that differ in those, which `FATCheck` puts right. Nothing is replaced
/// in place. Entries carry the date 1980-01-01: there is no clock here.
///
/// Every call flushes and walks the file system on the medium first, whatever a cache says, and writes nothing if it
/// finds shared clusters, a damaged folder or copies of the table that differ. Paths are names separated by `/`, in any case; names may be short ones.
public struct FATWriter: Sendable {
    let device: any BlockDevice
    let geometry: FATGeometry

    /// Bytes that are copied at a time.
    private static let chunkSize = 1 << 20

    /// Reads and checks the first sector.
    ///
    /// - Throws: `FATError`; `.unsupported` for FAT12.
    public init(_ device: any BlockDevice) throws(FATError) {
        geometry = try FATGeometry(device.mediumSource)
        self.device = device
        if geometry.kind == .fat12 { throw .unsupported("it is FAT12") }
    }

    /// The free bytes, in whole clusters.
    ///
    /// - Throws: `FATError`.
    public func freeBytes() throws(FATError) -> UInt64 {
        let survey = try survey()
        return freeBytes(in: survey)
    }

    /// The bytes that a file of this size takes: whole clusters.
    public func allocation(for size: UInt64) -> UInt64 {
        geometry.clusters(for: size) * UInt64(geometry.clusterSize)
    }

    /// How many slots of a folder were never used: what entries made by others can still take before it must grow.
    ///
    /// - Throws: `FATError`.
    public func unusedSlots(in folder: String) throws(FATError) -> Int {
        let survey = try survey()
        let folder = survey.folders[try survey.folder(folder)]
        return folder.bytes.count / 32 - folder.content.end
    }

    /// Creates a file: first its data, then its chain, and last its name, each made durable before the next.
    ///
    /// The data is read back from the medium and compared before there is a name for it.
    /// - Parameter spareSlots: slots behind the entry that are to stay unused, if possible in its sector: room for
    ///   renaming by a firmware, which never uses a freed slot.
    /// - Throws: `FATError`; `.exists` if there is such a name, `.full` before anything is written.
    public func create(_ path: String, contents: ByteSource, spareSlots: Int = 0) throws(FATError) {
        guard contents.size <= UInt64(UInt32.max) else {
            throw .fileTooLarge(path: path, size: contents.size)
        }
        var survey = try survey()
        let (folder, name) = try survey.newName(path)
        let plan = try plan(name, in: folder, spareSlots: spareSlots, of: survey)
        let clusters = try allocate(
            geometry.clusters(for: contents.size) + UInt64(plan.growth),
            in: survey
        )
        let added = Array(clusters.suffix(plan.growth))
        let own = Array(clusters.dropLast(plan.growth))
        try write(contents, to: own)
        try writeZeros(to: added)
        try flush()
        try compare(contents, with: own, path: path)
        let entry = Self.entry(attributes: 0x20, cluster: own.first ?? 0, size: UInt32(contents.size))
        try publish(name, entry, own: own, added: added, at: plan.start, in: folder, of: &survey)
    }

    /// Creates an empty folder.
    ///
    /// - Throws: `FATError`; `.exists` if there is such a name, `.full` before anything is written.
    public func makeFolder(_ path: String) throws(FATError) {
        var survey = try survey()
        let (folder, name) = try survey.newName(path)
        let plan = try plan(name, in: folder, spareSlots: 0, of: survey)
        let clusters = try allocate(1 + UInt64(plan.growth), in: survey)
        let added = Array(clusters.dropFirst())
        guard let own = clusters.first else { throw .full(needed: 1, free: 0) }
        var bytes = Self.dotEntries(own: own, parent: parentNumber(of: folder, in: survey))
        bytes += [UInt8](repeating: 0, count: geometry.clusterSize - bytes.count)
        try write(bytes, at: geometry.offset(ofCluster: own))
        try writeZeros(to: added)
        try flush()
        let entry = Self.entry(attributes: 0x10, cluster: own, size: 0)
        try publish(name, entry, own: [own], added: added, at: plan.start, in: folder, of: &survey)
    }

    /// Removes a file or an empty folder: first its name, then its chain.
    ///
    /// If another entry is for the same clusters, they stay its own.
    /// - Throws: `FATError`.
    public func remove(_ path: String) throws(FATError) {
        var survey = try survey()
        let number = try survey.item(path)
        let item = survey.items[number]
        if item.entry.isFolder, let own = survey.folders.first(where: { $0.item == number }),
            !own.content.entries.isEmpty
        {
            throw .folderNotEmpty(path: path)
        }
        let folder = survey.folders[item.folder]
        try apply(FolderEdit(folder, geometry: geometry).erasing(item.entry.slots), to: folder.sectors)
        guard !item.isShared, !item.clusters.isEmpty else { return }
        try free(item.clusters, in: &survey)
    }

    /// Gives a file or folder another name in its folder: there is the old name or the new one at every moment, never
    /// both and never none.
    ///
    /// - Throws: `FATError`; `.exists` if there is such a name, `.folderHeld` if the name does not fit into the sector
    ///   of the old one and the folder cannot be laid out anew.
    public func rename(_ path: String, to newName: String) throws(FATError) {
        let survey = try survey()
        let number = try survey.item(path)
        let item = survey.items[number]
        let name = try FATName(newName)
        let taken = survey.names(in: item.folder, except: item.entry.slots)
        guard !taken.contains(newName.lowercased()) else { throw .exists(path: newName) }
        let folder = survey.folders[item.folder]
        let old = item.entry.slots
        let entry = Array(folder.bytes[(old.upperBound - 1) * 32..<old.upperBound * 32])
        let slots = try name.slots(avoiding: taken, entry: entry)
        let edit = FolderEdit(folder, geometry: geometry)
        guard let start = edit.place(for: slots.count, freeing: old) else {
            return try layOut(item.folder, replacing: (old, slots), of: survey)
        }
        try apply(edit.placing(slots, at: start, freeing: old), to: folder.sectors)
    }

    /// Lays a folder out anew in other clusters, without its freed slots and pieces of lost names: the old layout or
    /// the new one is there at every moment.
    ///
    /// Does nothing if the folder has nothing to be left out.
    /// - Throws: `FATError`; `.folderHeld` for the root and for folders with folders in them.
    public func compact(_ path: String) throws(FATError) {
        let survey = try survey()
        let number = try survey.folder(path)
        let folder = survey.folders[number]
        let dots = Self.dotEntries(own: 0, parent: 0)
        let size = FolderEdit.layout(folder.names(), behind: dots, perSector: geometry.slotsPerSector).count
        guard size < folder.content.end * 32 else { return }
        try layOut(number, replacing: nil, of: survey)
    }

    // MARK: Device

    func write(_ bytes: [UInt8], at offset: UInt64) throws(FATError) {
        do {
            try device.write(bytes, at: offset)
        } catch {
            throw .device(error)
        }
    }

    func flush() throws(FATError) {
        do {
            try device.flush()
        } catch {
            throw .device(error)
        }
    }

    /// Writes sectors of a folder, each step made durable before the next.
    func apply(_ steps: [FolderEdit.Step], to sectors: [UInt64]) throws(FATError) {
        for step in steps {
            for (sector, bytes) in step { try write(bytes, at: sectors[sector]) }
            try flush()
        }
    }

    private func write(_ contents: ByteSource, to clusters: [UInt32]) throws(FATError) {
        for run in runs(of: clusters) {
            var bytes = try read(contents, at: run.start, upTo: run.size)
            bytes += [UInt8](repeating: 0, count: run.size - bytes.count)
            try write(bytes, at: run.offset)
        }
    }

    private func compare(_ contents: ByteSource, with clusters: [UInt32], path: String) throws(FATError) {
        let medium = device.mediumSource
        for run in runs(of: clusters) {
            let expected = try read(contents, at: run.start, upTo: run.size)
            guard try read(medium, at: run.offset, upTo: expected.count) == expected else {
                throw .readBackDiffers(path: path, offset: run.start)
            }
        }
    }

    private func read(_ source: ByteSource, at offset: UInt64, upTo count: Int) throws(FATError) -> [UInt8] {
        do {
            return try source.read(at: offset, count: Int(min(UInt64(count), source.size - offset)))
        } catch {
            throw .unreadable(error)
        }
    }

    /// Neighbouring clusters together: where they start in the file and on the device, and their bytes.
    private func runs(of clusters: [UInt32]) -> [(start: UInt64, offset: UInt64, size: Int)] {
        let unit = geometry.clusterSize
        var runs: [(start: UInt64, offset: UInt64, size: Int)] = []
        for (index, cluster) in clusters.enumerated() {
            let offset = geometry.offset(ofCluster: cluster)
            if let last = runs.last, last.offset + UInt64(last.size) == offset,
                last.size + unit <= Self.chunkSize
            {
                runs[runs.count - 1].size += unit
            } else {
                runs.append((UInt64(index) * UInt64(unit), offset, unit))
            }
        }
        return runs
    }

    private func writeZeros(to clusters: [UInt32]) throws(FATError) {
        for cluster in clusters {
            try write(
                [UInt8](repeating: 0, count: geometry.clusterSize),
                at: geometry.offset(ofCluster: cluster)
            )
        }
    }

    // MARK: Entries

    /// A short entry without its name.
    static func entry(attributes: UInt8, cluster: UInt32, size: UInt32) -> [UInt8] {
        // 1980-01-01, the first day there is.
        let day: UInt16 = 1 << 5 | 1
        var bytes = [UInt8](repeating: 0x20, count: 11) + [attributes, 0, 0]
        bytes.appendLittleEndian(UInt16(0))
        bytes.appendLittleEndian(day)
        bytes.appendLittleEndian(day)
        bytes.appendLittleEndian(UInt16(truncatingIfNeeded: cluster >> 16))
        bytes.appendLittleEndian(UInt16(0))
        bytes.appendLittleEndian(day)
        bytes.appendLittleEndian(UInt16(truncatingIfNeeded: cluster))
        bytes.appendLittleEndian(size)
        return bytes
    }

    /// The entries `.` and `..` of a folder; the number of the root is 0.
    static func dotEntries(own: UInt32, parent: UInt32) -> [UInt8] {
        var dot = entry(attributes: 0x10, cluster: own, size: 0)
        var dots = entry(attributes: 0x10, cluster: parent, size: 0)
        dot[0] = UInt8(ascii: ".")
        dots[0] = UInt8(ascii: ".")
        dots[1] = UInt8(ascii: ".")
        return dot + dots
    }

    /// What a folder inside this one calls it.
    private func parentNumber(of folder: Int, in survey: FATSurvey) -> UInt32 {
        survey.folders[folder].item == nil ? 0 : survey.folders[folder].clusters.first ?? 0
    }
}
