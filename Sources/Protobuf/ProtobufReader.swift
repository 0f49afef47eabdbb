/// Reads the fields of a message one after the other; nothing is copied.
struct ProtobufReader {
    /// Messages inside messages, as other implementations limit them.
    static let depthLimit = 100

    private var rest: ArraySlice<UInt8>
    /// In how many messages this one lies.
    private let depth: Int

    init(_ bytes: ArraySlice<UInt8>, depth: Int) throws(ProtobufError) {
        guard depth <= Self.depthLimit else { throw .tooDeep(limit: Self.depthLimit) }
        rest = bytes
        self.depth = depth
    }

    /// The next field, or nil at the end.
    mutating func next() throws(ProtobufError) -> (field: Int, value: ProtobufValue)? {
        guard !rest.isEmpty else { return nil }
        let start = rest.startIndex
        let key = try varint(of: start)
        let number = key >> 3
        guard number >= 1, number <= 0x1fff_ffff else { throw .fieldNumber(number, offset: start) }
        let code = UInt8(key & 7)
        guard let form = WireForm(rawValue: code) else { throw .form(code, offset: start) }
        return (Int(number), ProtobufValue(content: try content(form, of: start), depth: depth))
    }

    private mutating func content(_ form: WireForm, of start: Int) throws(ProtobufError)
        -> ProtobufValue.Content
    {
        switch form {
        case .varint:
            return .varint(try varint(of: start))
        case .fixed64:
            _ = try take(8, of: start)
            return .fixed64
        case .fixed32:
            _ = try take(4, of: start)
            return .fixed32
        case .delimited:
            let length = try varint(of: start)
            return .bytes(try take(length, of: start))
        }
    }

    private mutating func take(_ count: UInt64, of start: Int) throws(ProtobufError) -> ArraySlice<UInt8> {
        guard count <= UInt64(rest.count) else { throw .truncated(offset: start) }
        let taken = rest.prefix(Int(count))
        rest = rest.dropFirst(Int(count))
        return taken
    }

    private mutating func varint(of start: Int) throws(ProtobufError) -> UInt64 {
        let first = rest.startIndex
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while let byte = rest.popFirst() {
            // The tenth byte has room for one bit.
            guard shift < 63 || byte <= 1 else { throw .endlessNumber(offset: first) }
            value |= UInt64(byte & 0x7f) << shift
            guard byte & 0x80 != 0 else { return value }
            shift += 7
        }
        throw .truncated(offset: start)
    }
}
