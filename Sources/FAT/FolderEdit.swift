/// Plans changes of a folder's slots so that every step is the write of one sector that counts.
///
/// A sector is written wholly or not at all. So the slots of a name are put into one sector where they fit, and a
/// name that is longer than a sector goes behind the folder's end mark, which hides it until the sector with the mark
/// is written, last.
struct FolderEdit {
    /// Sectors by their number in the folder; the step is durable before the next begins.
    typealias Step = [(sector: Int, bytes: [UInt8])]

    private static let slotSize = 32
    private static let deletedMark: UInt8 = 0xe5
    private let perSector: Int
    private let bytes: [UInt8]
    private let end: Int

    init(_ folder: FATSurvey.Folder, geometry: FATGeometry, addedClusters: Int = 0) {
        perSector = geometry.slotsPerSector
        bytes = folder.bytes + [UInt8](repeating: 0, count: addedClusters * geometry.clusterSize)
        end = folder.content.end
    }

    private var count: Int { bytes.count / Self.slotSize }

    /// Where so many slots can go; nil if the folder must grow.
    ///
    /// With room asked for, the place is behind the end, and the room behind the place is unused too: in the same
    /// sector if a sector is large enough for both.
    func place(for length: Int, room: Int) -> Int? {
        guard length <= perSector else {
            return end + length + room <= count ? end : nil
        }
        guard room > 0 else { return firstPlace(for: length, in: 0..<count, freeing: nil) }
        let together = length + room <= perSector ? length + room : length
        var start = end
        if start % perSector + together > perSector { start += perSector - start % perSector }
        return start + length + room <= count ? start : nil
    }

    /// The place for slots that take the place of others, inside the sector of those; nil if there is none.
    func place(for length: Int, freeing old: Range<Int>) -> Int? {
        let sector = old.lowerBound / perSector
        guard length <= perSector, (old.upperBound - 1) / perSector == sector else { return nil }
        return firstPlace(
            for: length,
            in: sector * perSector..<min(count, (sector + 1) * perSector),
            freeing: old
        )
    }

    private func firstPlace(for length: Int, in range: Range<Int>, freeing old: Range<Int>?) -> Int? {
        var free = 0
        for index in range {
            if index % perSector == 0 { free = 0 }
            let isFree =
                index >= end || bytes[index * Self.slotSize] == Self.deletedMark || old?.contains(index) == true
            free = isFree ? free + 1 : 0
            if free == length { return index + 1 - length }
        }
        return nil
    }

    /// Puts slots at a place found by `place`, and frees others in the same sector at the same moment.
    func placing(_ slots: [[UInt8]], at start: Int, freeing old: Range<Int> = 0..<0) -> [Step] {
        var image = bytes
        for index in old { image[index * Self.slotSize] = Self.deletedMark }
        let upper = start + slots.count
        let lastSector = (upper - 1) / perSector
        var steps: [Step] = []
        if upper > end {
            // What is behind the end may be anything: the new end is made, and what is skipped is deleted.
            for index in min(end, start)..<start where index >= end {
                clear(index, in: &image, mark: Self.deletedMark)
            }
            for index in upper..<max(upper, min(count, (lastSector + 1) * perSector)) {
                clear(index, in: &image, mark: 0)
            }
            let behind = (lastSector + 1) * perSector
            if upper == behind, behind < count, image[behind * Self.slotSize] != 0 {
                clear(behind, in: &image, mark: 0)
                steps.append([(lastSector + 1, sector(lastSector + 1, of: image))])
            }
        }
        for (index, slot) in slots.enumerated() {
            let offset = (start + index) * Self.slotSize
            image.replaceSubrange(offset..<offset + Self.slotSize, with: slot)
        }
        let firstSector = min(start, upper > end ? end : start) / perSector
        let hidden = (firstSector + 1..<max(firstSector + 1, lastSector + 1)).map { ($0, sector($0, of: image)) }
        if !hidden.isEmpty { steps.append(hidden) }
        steps.append([(firstSector, sector(firstSector, of: image))])
        return steps
    }

    /// Frees slots: the last sector, which has the entry itself, before those with the rest of its long name.
    func erasing(_ slots: Range<Int>) -> [Step] { erasing(Array(slots)) }

    /// Frees slots.
    func erasing(_ slots: [Int]) -> [Step] {
        var image = bytes
        for index in slots { image[index * Self.slotSize] = Self.deletedMark }
        return Set(slots.map { $0 / perSector }).sorted(by: >).map { [($0, sector($0, of: image))] }
    }

    private func clear(_ index: Int, in image: inout [UInt8], mark: UInt8) {
        let offset = index * Self.slotSize
        image.replaceSubrange(
            offset..<offset + Self.slotSize,
            with: [mark] + [UInt8](repeating: 0, count: Self.slotSize - 1)
        )
    }

    private func sector(_ index: Int, of image: [UInt8]) -> [UInt8] {
        Array(image[index * perSector * Self.slotSize..<(index + 1) * perSector * Self.slotSize])
    }

    /// Names laid out behind a folder's first entries, none of them across the end of a sector if it fits into one.
    static func layout(_ names: [[[UInt8]]], behind dots: [UInt8], perSector: Int) -> [UInt8] {
        var bytes = dots
        for slots in names {
            let used = bytes.count / slotSize % perSector
            if used > 0, used + slots.count > perSector, slots.count <= perSector {
                for _ in used..<perSector {
                    bytes += [deletedMark] + [UInt8](repeating: 0, count: slotSize - 1)
                }
            }
            for slot in slots { bytes += slot }
        }
        return bytes
    }
}
