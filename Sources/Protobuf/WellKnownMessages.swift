/// A message of any type, with the type's name (`google.protobuf.Any`).
public struct ProtobufAny: ProtobufMessage {
    /// The name of the type, in full, often behind a prefix that ends with a slash.
    public var typeURL: String
    /// The message, in the form that the type has: mostly protobuf, JSON for OCI's types in containerd.
    public var value: [UInt8]

    /// Nothing.
    public init() { self.init(typeURL: "", value: []) }

    /// Bytes of a type.
    public init(typeURL: String, value: [UInt8]) {
        self.typeURL = typeURL
        self.value = value
    }

    /// A message under the name of its type.
    public init(packing message: some ProtobufMessage, as typeURL: String) {
        self.init(typeURL: typeURL, value: message.serialized)
    }

    /// Whether it holds a message of that full name, with or without a prefix.
    public func holds(_ name: String) -> Bool { typeURL == name || typeURL.hasSuffix("/\(name)") }

    /// The message, which must be of that full name.
    ///
    /// - Throws: `ProtobufError.otherType`, or what is wrong in the message.
    public func unpack<Message: ProtobufMessage>(
        _ type: Message.Type = Message.self,
        as name: String
    ) throws(ProtobufError) -> Message {
        guard holds(name) else { throw .otherType(found: typeURL, wanted: name) }
        return try Message(serialized: value)
    }

    /// Writes its fields.
    public func write(to writer: inout ProtobufWriter) {
        writer.string(1, typeURL)
        writer.bytes(2, value)
    }

    /// Takes the value of a field.
    public mutating func read(field: Int, _ value: ProtobufValue) throws(ProtobufError) {
        switch field {
        case 1: typeURL = try value.string()
        case 2: self.value = try value.bytes()
        default: break
        }
    }
}

/// A point in time since 1970 in UTC (`google.protobuf.Timestamp`).
public struct ProtobufTimestamp: ProtobufMessage {
    /// Whole seconds; negative before 1970.
    public var seconds: Int64
    /// Nanoseconds that come on top: 0 to 999,999,999 in a sound message.
    public var nanos: Int32

    /// The beginning of 1970.
    public init() { self.init(seconds: 0, nanos: 0) }

    /// A point in time.
    public init(seconds: Int64, nanos: Int32) {
        self.seconds = seconds
        self.nanos = nanos
    }

    /// Writes its fields.
    public func write(to writer: inout ProtobufWriter) {
        writer.int64(1, seconds)
        writer.int32(2, nanos)
    }

    /// Takes the value of a field.
    public mutating func read(field: Int, _ value: ProtobufValue) throws(ProtobufError) {
        switch field {
        case 1: seconds = try value.int64()
        case 2: nanos = try value.int32()
        default: break
        }
    }
}

/// A message without fields (`google.protobuf.Empty`).
public struct ProtobufEmpty: ProtobufMessage {
    /// The message.
    public init() {}

    /// Writes its fields.
    public func write(to writer: inout ProtobufWriter) {}

    /// Takes the value of a field.
    public mutating func read(field: Int, _ value: ProtobufValue) throws(ProtobufError) {}
}
