/// A PE32+ file with the given sections, as small as can be; for amd64 unless another machine is named.
public func smallPEFile(_ sections: [(name: String, bytes: [UInt8])], machine: UInt16 = 0x8664) -> [UInt8] {
    var bytes = Array("MZ".utf8) + [UInt8](repeating: 0, count: 58)
    bytes += littleEndian(UInt32(64))
    bytes += Array("PE\0\0".utf8)
    bytes += littleEndian(machine) + littleEndian(UInt16(sections.count))
    bytes += [UInt8](repeating: 0, count: 12)
    bytes += littleEndian(UInt16(240)) + littleEndian(UInt16(0))
    var optional = [UInt8](repeating: 0, count: 240)
    optional.replaceSubrange(0..<2, with: [0x0b, 0x02])
    optional[68] = 10
    optional[108] = 16
    bytes += optional
    var offset = bytes.count + 40 * sections.count
    var content: [UInt8] = []
    for (name, part) in sections {
        bytes += Array(name.utf8) + [UInt8](repeating: 0, count: 8 - name.utf8.count)
        for value in [part.count, offset, part.count, offset] { bytes += littleEndian(UInt32(value)) }
        bytes += [UInt8](repeating: 0, count: 16)
        content += part
        offset += part.count
    }
    return bytes + content
}

private func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
}
