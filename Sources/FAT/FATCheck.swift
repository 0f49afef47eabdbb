public import BlockDevices

/// Finds what a loss of power leaves in a FAT16 or FAT32 file system, and puts it right.
///
/// This is the part of fsck.vfat(8) that needs no judgement: what is repaired belongs to no file, so no content and no
/// name is ever changed. Everything else is reported and left alone; while clusters are shared by two chains, nothing
/// is written at all.
public struct FATCheck: Sendable {
    /// What was found and is right now; with `inspect`, what `repair` would put right.
    public private(set) var repaired: [FATFault] = []
    /// What was found and stays as it is.
    public private(set) var remaining: [FATFault] = []

    private let writer: FATWriter
    private var survey: FATSurvey
    private var tables: [AllocationTable]
    private let chosen: Int
    private let isDirty: Bool

    /// Looks for faults and writes nothing.
    ///
    /// - Throws: `FATError`, if the file system cannot be walked.
    public static func inspect(_ device: any BlockDevice) throws(FATError) -> FATCheck {
        try FATCheck(device)
    }

    /// Looks for faults and repairs what can be repaired, each step made durable before the next.
    ///
    /// Run again after a cut, it goes on. Nothing is written to a file system without faults.
    /// - Throws: `FATError`, if the file system cannot be walked or written.
    public static func repair(_ device: any BlockDevice) throws(FATError) -> FATCheck {
        var check = try FATCheck(device)
        try check.write()
        return check
    }

    private init(_ device: any BlockDevice) throws(FATError) {
        let writer = try FATWriter(device)
        self.writer = writer
        let geometry = writer.geometry
        var tables: [AllocationTable] = []
        for copy in 0..<geometry.tableCount {
            tables.append(try AllocationTable(device, geometry, copy: copy))
        }
        self.tables = tables
        // The first copy is what others read; another counts only if it is better.
        var best = try Self.walk(device, tables[0])
        var chosen = 0
        for copy in 1..<max(1, tables.count) where !tables[0].differences(from: tables[copy]).isEmpty {
            let other = try Self.walk(device, tables[copy])
            if Self.damage(other) < Self.damage(best) {
                best = other
                chosen = copy
            }
        }
        guard let survey = best.survey else { throw best.error ?? .notFAT("it has no allocation table") }
        self.survey = survey
        self.chosen = chosen
        isDirty = geometry.isMarkedDirty || !survey.table.isMarkedClean
        try classify()
    }

    private typealias Walk = (survey: FATSurvey?, error: FATError?)

    private static func walk(_ device: any BlockDevice, _ table: AllocationTable) throws(FATError) -> Walk {
        do {
            return (try FATSurvey(device, table: table), nil)
        } catch {
            if case .device = error { throw error }
            return (nil, error)
        }
    }

    /// How much by this copy of the table is damaged that belongs to files.
    private static func damage(_ walk: Walk) -> Int {
        guard let survey = walk.survey else { return .max }
        return survey.faults.count {
            switch $0 {
            case .brokenChain, .wrongLength, .crossLink, .cutFolder: true
            default: false
            }
        }
    }

    private mutating func classify() throws(FATError) {
        let differ = tables.indices.contains { !survey.table.differences(from: tables[$0]).isEmpty }
        if differ { repaired.append(.tablesDiffer) }
        if isDirty { repaired.append(.markedDirty) }
        for fault in survey.faults {
            switch fault {
            case .lostClusters, .orphanedLongName, .cutFolder: repaired.append(fault)
            default: remaining.append(fault)
            }
        }
        let actual = UInt32(survey.table.freeCount + survey.lostClusters.count)
        if let recorded = try writer.recordedFreeCount(), recorded != actual, !hasCrossLinks {
            repaired.append(.wrongFreeCount(recorded: recorded, actual: actual))
        }
        if hasCrossLinks {
            remaining = repaired + remaining
            repaired = []
        }
    }

    private var hasCrossLinks: Bool {
        survey.faults.contains { if case .crossLink = $0 { true } else { false } }
    }

    private mutating func write() throws(FATError) {
        guard !repaired.isEmpty, !hasCrossLinks else { return }
        // The copy that was chosen goes to the others before it is changed.
        var copied = false
        for copy in tables.indices where copy != chosen {
            let sectors = survey.table.differences(from: tables[copy])
            guard !sectors.isEmpty else { continue }
            try survey.table.write(sectors, to: writer.device, copy: copy)
            copied = true
        }
        if copied { try writer.flush() }
        for folder in survey.folders where folder.content.orphanedLongNamePieces > 0 {
            let edit = FolderEdit(folder, geometry: writer.geometry)
            try writer.apply(edit.erasing(folder.content.orphanedSlots), to: folder.sectors)
        }
        for folder in survey.cutFolders { survey.table.set(folder.last, to: survey.table.endMark) }
        for cluster in survey.lostClusters { survey.table.set(cluster, to: 0) }
        if isDirty { survey.table.markClean() }
        try writer.writeTable(&survey, hint: nil)
        if writer.geometry.isMarkedDirty { try clearDirtyFlag() }
    }

    /// Clears the flag in the first sector, last of all.
    private func clearDirtyFlag() throws(FATError) {
        var sector: [UInt8]
        do {
            sector = try writer.device.read(at: 0, count: writer.geometry.sectorSize)
        } catch {
            throw .device(error)
        }
        sector[Int(writer.geometry.stateOffset)] &= 0xfe
        try writer.write(sector, at: 0)
        try writer.flush()
    }
}
