internal import Protobuf

/// `containerd.services.namespaces.v1.Namespaces`.
enum Namespaces {
    static let create = Method<CreateRequest, ProtobufEmpty>("namespaces.v1.Namespaces/Create")

    struct CreateRequest: RequestMessage {
        var name = ""

        func write(to writer: inout ProtobufWriter) { writer.message(1, NamedRequest(name: name)) }
    }
}

/// `containerd.services.version.v1.Version`.
enum Versions {
    static let version = Method<ProtobufEmpty, Answer>("version.v1.Version/Version")

    struct Answer: AnswerMessage {
        var version = ""

        mutating func read(field: Int, _ value: ProtobufValue) throws(ProtobufError) {
            if field == 1 { version = try value.string() }
        }
    }
}
