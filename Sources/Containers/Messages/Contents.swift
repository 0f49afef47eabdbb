internal import Protobuf

/// `containerd.services.content.v1.Content`: blobs by digest.
enum Contents {
    static let read = Method<ReadRequest, ReadAnswer>("content.v1.Content/Read")

    struct ReadRequest: RequestMessage {
        var digest = ""
        /// 0: to the end.
        var size: Int64 = 0

        func write(to writer: inout ProtobufWriter) {
            writer.string(1, digest)
            writer.int64(3, size)
        }
    }

    struct ReadAnswer: AnswerMessage {
        var data: [UInt8] = []

        mutating func read(field: Int, _ value: ProtobufValue) throws(ProtobufError) {
            if field == 2 { data = try value.bytes() }
        }
    }
}
