/// Little-endian integers inside byte arrays, with bounds checked: nothing here traps.
extension Array where Element == UInt8 {
    /// The little-endian integer at an index, or nil where it does not lie wholly inside the array.
    @inlinable
    public func littleEndian<T: FixedWidthInteger & UnsignedInteger>(_ type: T.Type, at index: Int) -> T? {
        let width = T.bitWidth / 8
        guard index >= 0, width <= count, index <= count - width else { return nil }
        var value: T = 0
        for offset in 0..<width {
            value |= T(truncatingIfNeeded: self[index + offset]) << (offset * 8)
        }
        return value
    }

    /// The bytes of a range given as start and count, or nil where it does not lie wholly inside the array.
    @inlinable
    public func bounded(at index: Int, count length: Int) -> ArraySlice<UInt8>? {
        guard index >= 0, length >= 0, length <= count, index <= count - length else { return nil }
        return self[index..<index + length]
    }

    /// Appends an integer's bytes, least significant first.
    @inlinable
    public mutating func appendLittleEndian<T: FixedWidthInteger & UnsignedInteger>(_ value: T) {
        for offset in 0..<T.bitWidth / 8 {
            append(UInt8(truncatingIfNeeded: value >> (offset * 8)))
        }
    }
}
