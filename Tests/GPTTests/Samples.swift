import Bytes
import Foundation
import GPT

/// Identifiers and tables that the tests share.
enum Sample {
    static let disk = "6a9d0b3c-1f52-4c1e-9a77-0123456789ab"

    static func guid(_ text: String) throws -> GUID {
        guard let guid = GUID(text) else { throw CocoaError(.formatting) }
        return guid
    }

    static func guid(number: Int) throws -> GUID {
        try guid("00000000-0000-4000-8000-0000000000" + (number < 16 ? "0" : "") + String(number, radix: 16))
    }

    /// ESP, a root with its tree, and `/var`, as Bulkhead lays them out but small.
    static func layout(_ sectorSize: SectorSize, alignment: UInt64 = 1 << 20) throws -> PartitionTable.Layout
    {
        var layout = try PartitionTable.Layout(
            diskGUID: guid(disk),
            sectorSize: sectorSize,
            alignment: alignment
        )
        try layout.add(type: .esp, guid: guid(number: 1), label: "esp", size: 4 << 20)
        try layout.add(
            type: .root(.amd64),
            guid: guid(number: 2),
            label: "vm-containerd_1.2.3-äöü-ßßß-🚢-01234",
            size: 3 << 20,
            attributes: [.readOnly, .noAuto]
        )
        try layout.add(type: .rootVerity(.amd64), guid: guid(number: 3), label: "_empty", size: 70_000)
        try layout.add(
            type: .variableData,
            guid: guid(number: 7),
            label: "data",
            size: 1 << 20,
            attributes: .growFileSystem,
            number: 7
        )
        return layout
    }

    /// A disk with the smallest possible table for tests that try many variations.
    static func smallTable(_ sectorSize: SectorSize = .bytes512, diskSize: UInt64 = 64 << 10) throws
        -> PartitionTable
    {
        var layout = try PartitionTable.Layout(diskGUID: guid(disk), sectorSize: sectorSize, alignment: 4096)
        try layout.add(type: .esp, guid: guid(number: 1), label: "esp", size: 4096)
        try layout.add(type: .linuxGeneric, guid: guid(number: 2), label: "state", size: 8192)
        return try layout.table(diskSize: diskSize)
    }
}

extension PartitionTable {
    /// The bytes of a disk that holds this table and nothing else.
    func image() throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Int(diskSize))
        for region in try encoded().regions {
            let start = Int(region.offset)
            bytes.replaceSubrange(start..<start + region.bytes.count, with: region.bytes)
        }
        return bytes
    }

    /// Writes such a disk to a sparse file.
    func write(to path: String) throws {
        try Data().write(to: URL(filePath: path))
        let handle = try FileHandle(forWritingTo: URL(filePath: path))
        try handle.truncate(atOffset: diskSize)
        for region in try encoded().regions {
            try handle.seek(toOffset: region.offset)
            try handle.write(contentsOf: Data(region.bytes))
        }
        try handle.close()
    }
}
