public import BlockDevices

/// Finds what a loss of power leaves in a FAT16 or FAT32 file system, and puts it right.
///
/// This is the part of fsck.vfat(8) that needs no judgement: what is repaired belongs to no file, so no content and no
/// name is ever changed. Everything else is reported and left alone. While clusters are shared by two chains, or a
/// folder is not known completely, nothing is written at all; while a file's chain is damaged, clusters that belong to
/// nobody stay taken, because they may be the rest of it.
public struct FATCheck: Sendable {
    /// What was found and is right now; with `inspect`, what `repair` would put right.
    public private(set) var repaired: [FATFault] = []
    /// What was found and stays as it is.
    public private(set) var remaining: [FATFault] = []

    private let writer: FATWriter
    private var survey: FATSurvey
    /// The copies of the table; nil for one that cannot be read.
    private var tables: [AllocationTable?]
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
    /// Run again after a cut, it goes on. Nothing is written to a file system without faults. It begins with a flush:
    /// what a program that was killed left in the system's cache is not on the medium yet.
    /// - Throws: `FATError`, if the file system cannot be walked or written.
    public static func repair(_ device: any BlockDevice) throws(FATError) -> FATCheck {
        try FATWriter(device).flush()
        var check = try FATCheck(device)
        try check.write()
        return check
    }

    private init(_ device: any BlockDevice) throws(FATError) {
        let writer = try FATWriter(device)
        self.writer = writer
        let geometry = writer.geometry
        var tables: [AllocationTable?] = []
        // The first copy is what others read; another counts only if it is better.
        var best: (survey: FATSurvey, copy: Int)?
        var failure: FATError?
        for copy in 0..<geometry.tableCount {
            do throws(FATError) {
                let table = try AllocationTable(device, geometry, copy: copy)
                tables.append(table)
                if let best, best.survey.table.differences(from: table).isEmpty { continue }
                let survey = try FATSurvey(device, table: table)
                if let old = best?.survey, Self.damage(old) <= Self.damage(survey) { continue }
                best = (survey, copy)
            } catch {
                failure = failure ?? error
                if tables.count == copy { tables.append(nil) }
            }
        }
        guard let best else { throw failure ?? .notFAT("it has no allocation table") }
        self.tables = tables
        survey = best.survey
        chosen = best.copy
        isDirty = geometry.isMarkedDirty || !survey.table.isMarkedClean
        try classify()
    }

    /// How much by a copy of the table is damaged: first what hides files or makes them share clusters, whose number
    /// nobody knows, and then single files.
    private static func damage(_ survey: FATSurvey) -> (Int, Int) {
        let hiding = survey.faults.count {
            switch $0 {
            case .crossLink, .brokenFolder, .cutFolder: true
            default: false
            }
        }
        return (hiding, survey.faults.count(where: isDamagedFile))
    }

    private static func isDamagedFile(_ fault: FATFault) -> Bool {
        switch fault {
        case .brokenChain, .wrongLength: true
        default: false
        }
    }

    private mutating func classify() throws(FATError) {
        let differ = tables.indices.contains { !survey.table.differences(from: tables[$0]).isEmpty }
        if differ { repaired.append(.tablesDiffer) }
        if isDirty { repaired.append(.markedDirty) }
        for fault in survey.faults {
            switch fault {
            case .lostClusters where !freesLostClusters: remaining.append(fault)
            case .lostClusters, .orphanedLongName, .cutFolder: repaired.append(fault)
            default: remaining.append(fault)
            }
        }
        let freed = freesLostClusters ? survey.lostClusters.count : 0
        let actual = UInt32(survey.table.freeCount + freed)
        if let recorded = try writer.recordedFreeCount(), recorded != actual {
            repaired.append(.wrongFreeCount(recorded: recorded, actual: actual))
        }
        if !isWritable {
            remaining = repaired + remaining
            repaired = []
        }
    }

    /// Whether clusters that belong to nobody can be no part of a file.
    private var freesLostClusters: Bool { !survey.faults.contains(where: Self.isDamagedFile) }

    /// Whether every file is known, and shares no clusters.
    private var isWritable: Bool {
        !survey.faults.contains {
            switch $0 {
            case .crossLink, .brokenFolder: true
            // The lost ones may be what the folder went on with.
            case .cutFolder: !survey.lostClusters.isEmpty
            default: false
            }
        }
    }

    private mutating func write() throws(FATError) {
        guard !repaired.isEmpty, isWritable else { return }
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
        for cluster in survey.lostClusters where freesLostClusters { survey.table.set(cluster, to: 0) }
        if isDirty { survey.table.markClean() }
        try writer.writeTable(&survey, hint: nil)
        if writer.geometry.isMarkedDirty { try clearDirtyFlag() }
    }

    /// Clears the flag in the first sector, last of all.
    private func clearDirtyFlag() throws(FATError) {
        var sector: [UInt8]
        do throws(BlockDeviceError) {
            sector = try writer.device.readMedium(at: 0, count: writer.geometry.sectorSize)
        } catch {
            throw .device(error)
        }
        sector[Int(writer.geometry.stateOffset)] &= 0xfe
        try writer.write(sector, at: 0)
        try writer.flush()
    }
}
