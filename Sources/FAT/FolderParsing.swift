import Bytes

extension FATFolder {
    /// Reads a folder's slots up to the first unused one.
    init(slots bytes: [UInt8]) {
        let slotSize = 32
        enum Attribute {
            static let readOnly: UInt8 = 0x01
            static let volumeLabel: UInt8 = 0x08
            static let folder: UInt8 = 0x10
            static let longName: UInt8 = 0x0f
        }
        var entries: [FATEntry] = []
        var orphans: [Int] = []
        var end = bytes.count / slotSize
        var label: String?
        var longName = LongNameAssembler()
        for start in stride(from: 0, through: bytes.count - slotSize, by: slotSize) {
            let slot = Array(bytes[start..<start + slotSize])
            let index = start / slotSize
            if slot[0] == 0 {
                end = index
                break
            }
            let attributes = slot[11]
            if slot[0] != 0xe5, attributes & 0x3f == Attribute.longName {
                longName.add(slot)
                continue
            }
            if slot[0] == 0xe5 || attributes & Attribute.volumeLabel != 0 {
                // Neither a deleted entry nor a label has a long name.
                orphans += index - longName.pieceCount..<index
                longName = LongNameAssembler()
                if slot[0] != 0xe5, label == nil { label = ShortName.trimmedText(slot[0..<11]) }
                continue
            }
            let short = ShortName(slot[0..<11], caseFlags: slot[12])
            if [".", ".."].contains(short.text) { continue }
            let pieces = longName.pieceCount
            let (name, state) = longName.finish(for: short)
            if state == .torn { orphans += index - pieces..<index }
            let high = UInt32(slot.littleEndian(UInt16.self, at: 20) ?? 0)
            let low = UInt32(slot.littleEndian(UInt16.self, at: 26) ?? 0)
            let isFolder = attributes & Attribute.folder != 0
            entries.append(
                FATEntry(
                    name: name,
                    shortName: short.text,
                    longName: state,
                    isFolder: isFolder,
                    isReadOnly: attributes & Attribute.readOnly != 0,
                    size: isFolder ? 0 : slot.littleEndian(UInt32.self, at: 28) ?? 0,
                    firstCluster: high << 16 | low,
                    slots: (state == .valid ? index - pieces : index)..<index + 1
                )
            )
        }
        orphans += end - longName.pieceCount..<end
        self.init(
            entries: entries,
            orphanedLongNamePieces: orphans.count,
            label: label,
            orphanedSlots: orphans,
            end: end
        )
    }
}
