/// Reads entries of the allocation table, and keeps the part it read last.
struct TableReader {
    /// Bytes that are read at a time.
    private static let windowSize: UInt64 = 4096
    let volume: FATVolume
    private var window: [UInt8] = []
    private var windowStart: UInt64 = 0

    init(volume: FATVolume) { self.volume = volume }

    /// The smallest value that means the end of a chain.
    var endMark: UInt32 {
        switch volume.geometry.kind {
        case .fat12: 0xff8
        case .fat16: 0xfff8
        case .fat32: 0x0fff_fff8
        }
    }

    /// The entry of a cluster that exists, or of 0 or 1.
    mutating func value(_ cluster: UInt32) throws(FATError) -> UInt32 {
        switch volume.geometry.kind {
        case .fat12:
            let low = try byte(UInt64(cluster) * 3 / 2)
            let high = try byte(UInt64(cluster) * 3 / 2 + 1)
            let pair = UInt32(high) << 8 | UInt32(low)
            return cluster & 1 == 1 ? pair >> 4 : pair & 0xfff
        case .fat16:
            return UInt32(try byte(UInt64(cluster) * 2)) | UInt32(try byte(UInt64(cluster) * 2 + 1)) << 8
        case .fat32:
            var value: UInt32 = 0
            for index: UInt64 in 0..<4 {
                value |= UInt32(try byte(UInt64(cluster) * 4 + index)) << (8 * UInt32(index))
            }
            // The upper 4 bits are reserved.
            return value & 0x0fff_ffff
        }
    }

    private mutating func byte(_ index: UInt64) throws(FATError) -> UInt8 {
        let geometry = volume.geometry
        guard index < geometry.tableSize else {
            throw .notFAT("a cluster lies outside of the allocation table")
        }
        if window.isEmpty || index < windowStart || index - windowStart >= UInt64(window.count) {
            windowStart = index - index % Self.windowSize
            let count = Int(min(Self.windowSize, geometry.tableSize - windowStart))
            let table = geometry.tableOffset + UInt64(geometry.activeTable) * geometry.tableSize
            window = try volume.read(at: table + windowStart, count: count)
        }
        return window[Int(index - windowStart)]
    }
}
