import BlockDevices
import TestSupport

@testable import FAT

/// A firmware's renaming, in the order of EDK2's FAT driver.
///
/// The old entry is deleted, then the new one is written behind all others, slot by slot, with one flush at the end. It
/// never uses a freed slot again.
enum Firmware {
    struct NoRoom: Error { let name: String }

    static func rename(_ path: String, to newName: String, on esp: any BlockDevice) throws {
        let writer = try FATWriter(esp)
        let survey = try writer.survey()
        let item = try survey.items[survey.item(path)]
        let folder = survey.folders[item.folder]
        let old = item.entry.slots
        var image = folder.bytes
        let entry = Array(image[(old.upperBound - 1) * 32..<old.upperBound * 32])
        let slots = try FATName(newName).slots(
            avoiding: survey.names(in: item.folder, except: old),
            entry: entry
        )
        let start = folder.content.end
        // BootSlots leaves room for all tries: a folder that must grow would be a defect of ours.
        guard (start + slots.count) * 32 <= image.count else { throw NoRoom(name: newName) }
        func put(_ slot: Int, _ bytes: [UInt8]) throws {
            image.replaceSubrange(slot * 32..<slot * 32 + bytes.count, with: bytes)
            let sector = slot / survey.geometry.slotsPerSector
            let size = survey.geometry.sectorSize
            try esp.write(Array(image[sector * size..<(sector + 1) * size]), at: folder.sectors[sector])
        }
        // The short entry first, then the pieces of its long name.
        for slot in old.reversed() { try put(slot, [0xe5]) }
        for index in slots.indices.reversed() { try put(start + index, slots[index]) }
        try esp.flush()
    }
}
