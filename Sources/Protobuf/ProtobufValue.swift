/// The value of a field, whose type only the reader of the message knows.
///
/// Each accessor throws `ProtobufError.unexpectedForm` when the field cannot be of that type.
public struct ProtobufValue: Sendable {
    enum Content: Sendable {
        case varint(UInt64)
        /// No message of ours has fields of fixed length; they are only skipped.
        case fixed64
        case fixed32
        case bytes(ArraySlice<UInt8>)
    }

    let content: Content
    /// In how many messages the one with this field lies.
    let depth: Int

    /// A number of type `uint64`.
    public func uint64() throws(ProtobufError) -> UInt64 {
        guard case .varint(let value) = content else { throw unexpected("a number of variable length") }
        return value
    }

    /// A number of type `int64`.
    public func int64() throws(ProtobufError) -> Int64 { Int64(bitPattern: try uint64()) }

    /// A number of type `uint32`; of a longer one its lower half, as the format wants.
    public func uint32() throws(ProtobufError) -> UInt32 { UInt32(truncatingIfNeeded: try uint64()) }

    /// A number of type `int32`; of a longer one its lower half, as the format wants.
    public func int32() throws(ProtobufError) -> Int32 { Int32(truncatingIfNeeded: try uint64()) }

    /// A truth value.
    public func bool() throws(ProtobufError) -> Bool { try uint64() != 0 }

    /// A value of an enumeration, or nil for one that a newer sender knows.
    public func enumeration<Value: RawRepresentable<Int32>>(
        _ type: Value.Type = Value.self
    ) throws(ProtobufError) -> Value? {
        Value(rawValue: try int32())
    }

    /// A text.
    ///
    /// - Throws: also `ProtobufError.notUTF8`.
    public func string() throws(ProtobufError) -> String {
        guard let text = String(validating: try slice("a text"), as: UTF8.self) else { throw .notUTF8 }
        return text
    }

    /// Bytes.
    public func bytes() throws(ProtobufError) -> [UInt8] { Array(try slice("bytes")) }

    /// A message.
    ///
    /// A field that comes twice is not merged, as the format allows senders to expect: the last one counts. No sender
    /// writes one in parts.
    ///
    /// - Throws: also what is wrong in it, and `ProtobufError.tooDeep`.
    public func message<Message: ProtobufMessage>(
        _ type: Message.Type = Message.self
    ) throws(ProtobufError) -> Message {
        try Message(bytes: try slice("a message"), depth: depth + 1)
    }

    /// An entry of a `map<string, string>`.
    public func mapEntry() throws(ProtobufError) -> (key: String, value: String) {
        var reader = try ProtobufReader(try slice("an entry of a map"), depth: depth + 1)
        var key = ""
        var value = ""
        while let (field, content) = try reader.next() {
            switch field {
            case 1: key = try content.string()
            case 2: value = try content.string()
            default: break
            }
        }
        return (key, value)
    }

    private func slice(_ wanted: String) throws(ProtobufError) -> ArraySlice<UInt8> {
        guard case .bytes(let bytes) = content else { throw unexpected(wanted) }
        return bytes
    }

    private func unexpected(_ wanted: String) -> ProtobufError {
        let found =
            switch content {
            case .varint: "a number of variable length"
            case .fixed64: "64 bits"
            case .fixed32: "32 bits"
            case .bytes: "bytes, a text or a message"
            }
        return .unexpectedForm(found: found, wanted: wanted)
    }
}
