/// A message whose fields are written and read by hand.
///
/// What a message needs is its fields' numbers and types, once for writing and once for reading:
/// ```swift
/// struct Lease: ProtobufMessage {
///     var id = ""
///     var labels: [String: String] = [:]
///
///     func write(to writer: inout ProtobufWriter) {
///         writer.string(1, id)
///         writer.map(3, labels)
///     }
///
///     mutating func read(field: Int, _ value: ProtobufValue) throws(ProtobufError) {
///         switch field {
///         case 1: id = try value.string()
///         case 3:
///             let entry = try value.mapEntry()
///             labels[entry.key] = entry.value
///         default: break
///         }
///     }
/// }
/// ```
public protocol ProtobufMessage: Sendable, Equatable {
    /// The message with every field at its default.
    init()

    /// Writes all fields, in the order of their numbers.
    func write(to writer: inout ProtobufWriter)

    /// Takes the value of a field; unknown fields are ignored.
    ///
    /// Called in the order of the bytes: a repeated field several times, others at most once by a sound sender.
    mutating func read(field: Int, _ value: ProtobufValue) throws(ProtobufError)
}

extension ProtobufMessage {
    /// The message in protobuf's wire format.
    public var serialized: [UInt8] {
        var writer = ProtobufWriter()
        write(to: &writer)
        return writer.bytes
    }

    /// Reads a message.
    ///
    /// - Throws: `ProtobufError` for bytes that are no message or one of another type, as far as that can be seen.
    public init(serialized bytes: [UInt8]) throws(ProtobufError) {
        try self.init(bytes: bytes[...], depth: 0)
    }

    init(bytes: ArraySlice<UInt8>, depth: Int) throws(ProtobufError) {
        self.init()
        var reader = try ProtobufReader(bytes, depth: depth)
        while let (field, value) = try reader.next() { try read(field: field, value) }
    }
}
