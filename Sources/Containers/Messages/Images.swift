internal import Protobuf

/// `containerd.services.images.v1.Images`: names of images.
enum Images {
    static let get = Method<NamedRequest, ImageAnswer>("images.v1.Images/Get")
    static let delete = Method<DeleteRequest, ProtobufEmpty>("images.v1.Images/Delete")

    struct Image: AnswerMessage {
        var name = ""
        var labels: [String: String] = [:]
        var target = WireDescriptor()

        mutating func read(field: Int, _ value: ProtobufValue) throws(ProtobufError) {
            switch field {
            case 1: name = try value.string()
            case 2:
                let entry = try value.mapEntry()
                labels[entry.key] = entry.value
            case 3: target = try value.message(WireDescriptor.self)
            default: break
            }
        }
    }

    struct ImageAnswer: AnswerMessage {
        var image = Image()

        mutating func read(field: Int, _ value: ProtobufValue) throws(ProtobufError) {
            if field == 1 { image = try value.message(Image.self) }
        }
    }

    struct DeleteRequest: RequestMessage {
        var name = ""
        /// Whether what nothing names any more is removed before the answer.
        var sync = false

        func write(to writer: inout ProtobufWriter) {
            writer.string(1, name)
            writer.bool(2, sync)
        }
    }
}
