import Bytes

/// The names in one block of a directory, in the order they are stored.
///
/// A block starts with records of 12 bytes; the names follow, without separators, up to the block's end or, behind
/// the last one, a NUL.
struct EROFSDirectoryBlock {
    struct Record {
        let name: [UInt8]
        let nid: UInt64
        let type: UInt8
    }

    let records: [Record]

    private static let recordSize = 12
    private static let maximumName = 255

    /// Nil where the structure is not possible; names are not checked here, save for their length.
    init?(_ bytes: [UInt8]) {
        let first = Int(bytes.field(UInt16.self, 8))
        guard first >= Self.recordSize, first % Self.recordSize == 0, first < bytes.count else { return nil }
        let count = first / Self.recordSize
        var records: [Record] = []
        records.reserveCapacity(count)
        for index in 0..<count {
            let at = index * Self.recordSize
            let start = Int(bytes.field(UInt16.self, at + 8))
            var end = bytes.count
            if index + 1 < count { end = Int(bytes.field(UInt16.self, at + Self.recordSize + 8)) }
            guard start >= first, start < end, end <= bytes.count else { return nil }
            var name = bytes[start..<end]
            if index + 1 == count { name = name.prefix { $0 != 0 } }
            guard !name.isEmpty, name.count <= Self.maximumName else { return nil }
            records.append(
                Record(
                    name: Array(name),
                    nid: bytes.field(UInt64.self, at),
                    type: bytes.field(UInt8.self, at + 10)
                )
            )
        }
        self.records = records
    }
}

extension EROFSImage {
    /// What a directory holds, without `.` and `..`, sorted by the bytes of the names.
    ///
    /// - Throws: `EROFSError`; `.wrongKind` if the entry is not a directory.
    public func children(
        of directory: EROFSEntry
    ) throws(EROFSError) -> [(name: String, entry: EROFSEntry)] {
        var children: [(name: String, entry: EROFSEntry)] = []
        var reader = try DirectoryReader(self, directory)
        while let record = try reader.next() {
            guard children.count < Self.maximumEntries else { throw .treeTooLarge(path: record.name) }
            children.append((record.name, try entry(of: record, in: directory)))
        }
        return children
    }

    /// The entry of a name in a directory; nil if there is none.
    func child(_ name: Substring, of directory: EROFSEntry) throws(EROFSError) -> EROFSEntry? {
        var reader = try DirectoryReader(self, directory)
        while let record = try reader.next() {
            if record.name.utf8.elementsEqual(name.utf8) { return try entry(of: record, in: directory) }
        }
        return nil
    }

    private func entry(
        of record: DirectoryReader.Record,
        in directory: EROFSEntry
    ) throws(EROFSError) -> EROFSEntry {
        let entry = try entry(nid: record.nid)
        // 0 means that the directory does not know.
        guard record.type == 0 || record.type == entry.kind.directoryType else {
            throw .damaged(nid: directory.nid, .kind(name: record.name))
        }
        return entry
    }
}

/// Goes through a directory block by block and checks its names.
private struct DirectoryReader {
    struct Record {
        let name: String
        let nid: UInt64
        let type: UInt8
    }

    private let image: EROFSImage
    private let directory: EROFSEntry
    private let extents: [EROFSExtent]
    private var position: UInt64 = 0
    private var records: [EROFSDirectoryBlock.Record] = []
    private var nextRecord = 0
    private var previousName: [UInt8] = []

    init(_ image: EROFSImage, _ directory: EROFSEntry) throws(EROFSError) {
        guard directory.kind == .directory else {
            throw .wrongKind(nid: directory.nid, directory.kind, wanted: .directory)
        }
        self.image = image
        self.directory = directory
        extents = try image.flatExtents(of: directory)
    }

    /// The next entry other than `.` and `..`.
    mutating func next() throws(EROFSError) -> Record? {
        while true {
            if nextRecord == records.count {
                guard position < directory.size else { return nil }
                try loadBlock()
            }
            let record = records[nextRecord]
            nextRecord += 1
            // The kernel searches by halving, so that unsorted names would not be found; this also excludes doubles.
            guard previousName.lexicographicallyPrecedes(record.name) else {
                throw damaged(.order(String(decoding: record.name, as: UTF8.self)))
            }
            previousName = record.name
            if record.name == [0x2e] || record.name == [0x2e, 0x2e] { continue }
            guard let name = String(validating: record.name, as: UTF8.self), !record.name.contains(0),
                !record.name.contains(0x2f)
            else { throw damaged(.name(record.name)) }
            return Record(name: name, nid: record.nid, type: record.type)
        }
    }

    private mutating func loadBlock() throws(EROFSError) {
        let blockSize = UInt64(image.superblock.blockSize)
        let count = min(blockSize, directory.size - position)
        // The blocks lie together, save for the tail, which is a block of its own: a block is never in two extents.
        guard let extent = extents.last(where: { $0.fileOffset <= position }) else {
            throw damaged(.directoryBlock(position / blockSize))
        }
        let bytes = try image.source.bytes(
            at: extent.imageOffset + (position - extent.fileOffset),
            count: Int(count)
        )
        guard let block = EROFSDirectoryBlock(bytes) else {
            throw damaged(.directoryBlock(position / blockSize))
        }
        records = block.records
        nextRecord = 0
        position += count
    }

    private func damaged(_ damage: EROFSDamage) -> EROFSError { .damaged(nid: directory.nid, damage) }
}
