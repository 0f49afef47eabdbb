internal import Protobuf

/// A call of containerd's API: its path, and the types of its request and of its answer.
///
/// The field numbers of all messages are those of containerd 1.7 (https://github.com/containerd/containerd/tree/v1.7.24/api);
/// a test compares them with the descriptors that lie in the binary.
struct Method<Request: ProtobufMessage, Answer: ProtobufMessage>: Sendable {
    let path: String

    /// Takes the part behind `containerd.services.`, for example `tasks.v1.Tasks/Start`.
    init(_ path: String) { self.path = "/containerd.services." + path }
}

/// A message that is only sent: what is unknown in it is never asked.
protocol RequestMessage: ProtobufMessage {}

extension RequestMessage {
    mutating func read(field: Int, _ value: ProtobufValue) throws(ProtobufError) {}
}

/// A message that is only received.
protocol AnswerMessage: ProtobufMessage {}

extension AnswerMessage {
    func write(to writer: inout ProtobufWriter) {}
}

/// A request whose only field, the first one, is a text: an identifier, a name, a digest.
struct NamedRequest: RequestMessage {
    var name = ""

    func write(to writer: inout ProtobufWriter) { writer.string(1, name) }
}

/// A request for everything there is: its filters are never used.
struct ListRequest: RequestMessage {
    func write(to writer: inout ProtobufWriter) {}
}
