import Bytes
import GPT
import Testing

@Suite struct PartitionTableTests {
    private func partition(_ number: Int, at offset: UInt64, size: UInt64, guid: Int? = nil) throws
        -> Partition
    {
        Partition(
            number: number,
            type: .linuxGeneric,
            guid: try Sample.guid(number: guid ?? number),
            label: "p\(number)",
            offset: offset,
            size: size
        )
    }

    @Test func partitionsAreAlignedAndNumbered() throws {
        for sectorSize in SectorSize.allCases {
            let table = try Sample.layout(sectorSize).table()
            #expect(table.partitions.map(\.number) == [1, 2, 3, 7])
            #expect(table.partitions.map(\.offset) == [1 << 20, 5 << 20, 8 << 20, 9 << 20])
            #expect(table[3]?.size == (sectorSize == .bytes512 ? 70_144 : 73_728))
            #expect(table.diskSize == 11 << 20)
        }
    }

    @Test func whatCannotBeStoredIsRefused() throws {
        var table = try Sample.smallTable()
        let before = table
        let free: UInt64 = 36 << 10
        #expect(throws: GPTError.numberOutOfRange(0)) { try table.set(partition(0, at: free, size: 512)) }
        #expect(throws: GPTError.numberOutOfRange(129)) { try table.set(partition(129, at: free, size: 512)) }
        #expect(throws: GPTError.zeroGUID(number: 3)) {
            try table.set(partition(3, at: free, size: 512, guid: 0).with { $0.guid = .zero })
        }
        let first = try Sample.guid(number: 1)
        #expect(throws: GPTError.duplicateGUID(first, number: 3, other: 1)) {
            try table.set(partition(3, at: free, size: 512, guid: 1))
        }
        for (offset, size) in [(free, 0), (free, 511), (free + 1, 512)] as [(UInt64, UInt64)] {
            #expect(
                throws: GPTError.notInSectors(number: 3, offset: offset, size: size, sectorSize: .bytes512)
            ) { try table.set(partition(3, at: offset, size: size)) }
        }
        let beyond: [(UInt64, UInt64)] = [
            (0, 512), (33 * 512, 512), (free, 64 << 10), (UInt64.max - 511, 512),
        ]
        for (offset, size) in beyond {
            #expect(throws: GPTError.self) { try table.set(partition(3, at: offset, size: size)) }
        }
        #expect(throws: GPTError.overlap(number: 3, other: 2)) {
            try table.set(partition(3, at: 24 << 10, size: 4096))
        }
        for label in [String(repeating: "a", count: 37), String(repeating: "🚢", count: 19), "a\0b"] {
            #expect(throws: GPTError.badLabel(label, number: 3)) {
                try table.set(partition(3, at: free, size: 512).with { $0.label = label })
            }
        }
        #expect(table == before)
        try table.set(
            partition(128, at: free, size: 512).with { $0.label = String(repeating: "🚢", count: 18) }
        )
        #expect(table[128]?.label.utf16.count == 36)
    }

    @Test func aPartitionCanBeChangedInItsPlace() throws {
        var table = try Sample.smallTable()
        var state = try #require(table[2])
        state.label = "vm_2"
        state.guid = try Sample.guid(number: 9)
        try table.set(state)
        #expect(table[2] == state)
        #expect(table.partitions.count == 2)
        table.remove(number: 2)
        table.remove(number: 2)
        #expect(table.partitions.map(\.number) == [1])
    }

    @Test func aDiskThatIsTooSmallIsRefused() throws {
        let layout = try Sample.layout(.bytes512)
        #expect(throws: GPTError.diskTooSmall(size: 10 << 20, needed: 11 << 20)) {
            try layout.table(diskSize: 10 << 20)
        }
        #expect(throws: GPTError.diskSizeNotInSectors(size: (11 << 20) + 512, sectorSize: .bytes4096)) {
            try Sample.layout(.bytes4096).table(diskSize: (11 << 20) + 512)
        }
        #expect(throws: GPTError.self) {
            try PartitionTable(diskGUID: Sample.guid(number: 1), sectorSize: .bytes512, diskSize: 67 * 512)
        }
    }

    @Test func impossibleLayoutsAreErrors() throws {
        let guid = try Sample.guid(number: 1)
        #expect(throws: GPTError.badAlignment(1024)) {
            try PartitionTable.Layout(diskGUID: guid, sectorSize: .bytes4096, alignment: 1024)
        }
        #expect(throws: GPTError.badAlignment(0)) {
            try PartitionTable.Layout(diskGUID: guid, sectorSize: .bytes4096, alignment: 0)
        }
        var layout = try PartitionTable.Layout(diskGUID: guid, sectorSize: .bytes512)
        #expect(throws: GPTError.sizeOverflow) {
            try layout.add(type: .swap, guid: guid, label: "", size: .max)
        }
        #expect(throws: GPTError.sizeOverflow) {
            try layout.add(type: .swap, guid: guid, label: "", size: .max - 4095)
        }
        try layout.add(type: .swap, guid: guid, label: "", size: 512, number: 5)
        try layout.add(type: .swap, guid: Sample.guid(number: 2), label: "", size: 512, number: 5)
        #expect(throws: GPTError.overlap(number: 5, other: 5)) { try layout.table() }
    }

    @Test func equalLayoutsGiveEqualBytes() throws {
        let first = try Sample.layout(.bytes512).table().encoded()
        let second = try Sample.layout(.bytes512).table().encoded()
        #expect(first == second)
        #expect(first.regions.map(\.offset) == [(11 << 20) - 33 * 512, 0, 512])
        #expect(first.protectiveMBR.bytes.count + first.primary.bytes.count == 34 * 512)
    }
}

extension Partition {
    func with(_ change: (inout Partition) -> Void) -> Partition {
        var copy = self
        change(&copy)
        return copy
    }
}
