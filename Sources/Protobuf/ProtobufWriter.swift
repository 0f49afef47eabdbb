/// Writes the fields of a message in protobuf's wire format (https://protobuf.dev/programming-guides/encoding/).
///
/// As proto3 wants it, fields with their type's default value (0, false, empty) are left out; those that are repeated
/// keep theirs. What is written in the order of the fields' numbers has the same bytes as other implementations' output.
public struct ProtobufWriter: Sendable {
    /// What has been written so far.
    public private(set) var bytes: [UInt8] = []

    /// A writer that has written nothing.
    public init() {}

    /// Writes a text.
    public mutating func string(_ field: Int, _ value: String) {
        guard !value.isEmpty else { return }
        delimited(field, value.utf8)
    }

    /// Writes bytes.
    public mutating func bytes(_ field: Int, _ value: [UInt8]) {
        guard !value.isEmpty else { return }
        delimited(field, value)
    }

    /// Writes a number of type `uint64`.
    public mutating func uint64(_ field: Int, _ value: UInt64) {
        guard value != 0 else { return }
        key(field, form: .varint)
        varint(value)
    }

    /// Writes a number of type `int64`.
    public mutating func int64(_ field: Int, _ value: Int64) { uint64(field, UInt64(bitPattern: value)) }

    /// Writes a number of type `uint32`.
    public mutating func uint32(_ field: Int, _ value: UInt32) { uint64(field, UInt64(value)) }

    /// Writes a number of type `int32`; negative ones take ten bytes, as the format wants.
    public mutating func int32(_ field: Int, _ value: Int32) { int64(field, Int64(value)) }

    /// Writes a truth value.
    public mutating func bool(_ field: Int, _ value: Bool) { uint64(field, value ? 1 : 0) }

    /// Writes a value of an enumeration.
    public mutating func enumeration(_ field: Int, _ value: some RawRepresentable<Int32>) {
        int32(field, value.rawValue)
    }

    /// Writes a message; nil is left out, one without fields is written.
    public mutating func message<Message: ProtobufMessage>(_ field: Int, _ value: Message?) {
        guard let value else { return }
        delimited(field, value.serialized)
    }

    /// Writes several texts, empty ones too.
    public mutating func repeated(_ field: Int, _ values: [String]) {
        for value in values { delimited(field, value.utf8) }
    }

    /// Writes several messages.
    public mutating func repeated<Message: ProtobufMessage>(_ field: Int, _ values: [Message]) {
        for value in values { delimited(field, value.serialized) }
    }

    /// Writes a `map<string, string>`, sorted by the keys' bytes, so that the same map has the same bytes.
    public mutating func map(_ field: Int, _ value: [String: String]) {
        for (key, text) in value.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
            var entry = ProtobufWriter()
            // Go writes both fields of an entry even when they are empty.
            entry.delimited(1, key.utf8)
            entry.delimited(2, text.utf8)
            delimited(field, entry.bytes)
        }
    }

    private mutating func delimited(_ field: Int, _ content: some Collection<UInt8>) {
        key(field, form: .delimited)
        varint(UInt64(content.count))
        bytes.append(contentsOf: content)
    }

    private mutating func key(_ field: Int, form: WireForm) {
        varint(UInt64(field) << 3 | UInt64(form.rawValue))
    }

    private mutating func varint(_ value: UInt64) {
        var rest = value
        while rest > 0x7f {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }
}

/// How a field's value lies in the bytes.
enum WireForm: UInt8 {
    case varint = 0
    case fixed64 = 1
    case delimited = 2
    case fixed32 = 5
}
