internal import Protobuf

/// `containerd.services.transfer.v1.Transfer` and `streaming.v1.Streaming`: archives on their way into the store.
enum Transfers {
    static let transfer = Method<TransferRequest, ProtobufEmpty>("transfer.v1.Transfer/Transfer")
    static let stream = Method<ProtobufAny, ProtobufAny>("streaming.v1.Streaming/Stream")

    struct TransferRequest: RequestMessage {
        var source: ProtobufAny?
        var destination: ProtobufAny?
        var progressStream = ""

        func write(to writer: inout ProtobufWriter) {
            writer.message(1, source)
            writer.message(2, destination)
            // TransferOptions has one field, the first, as NamedRequest has.
            writer.message(3, NamedRequest(name: progressStream))
        }
    }

    /// The first message of a stream: the name by which a transfer refers to it.
    struct StreamInit: RequestMessage {
        static let typeName = "containerd.services.streaming.v1.StreamInit"

        var id = ""

        func write(to writer: inout ProtobufWriter) { writer.string(1, id) }
    }

    struct ImageImportStream: RequestMessage {
        static let typeName = "containerd.types.transfer.ImageImportStream"

        var stream = ""

        func write(to writer: inout ProtobufWriter) { writer.string(1, stream) }
    }

    /// Where the image goes: its name must not be empty, or nothing is stored and the answer is OK all the same.
    struct ImageStore: RequestMessage {
        static let typeName = "containerd.types.transfer.ImageStore"

        var name = ""
        var platform = WirePlatform()
        var snapshotter = ""

        func write(to writer: inout ProtobufWriter) {
            writer.string(1, name)
            writer.message(3, platform)
            writer.message(10, Unpack(platform: platform, snapshotter: snapshotter))
        }
    }

    struct Unpack: RequestMessage {
        var platform = WirePlatform()
        var snapshotter = ""

        func write(to writer: inout ProtobufWriter) {
            writer.message(1, platform)
            writer.string(2, snapshotter)
        }
    }

    struct Data: RequestMessage {
        static let typeName = "containerd.types.transfer.Data"

        var data: [UInt8] = []

        func write(to writer: inout ProtobufWriter) { writer.bytes(1, data) }
    }

    /// How many bytes more the other side takes.
    struct WindowUpdate: AnswerMessage {
        static let typeName = "containerd.types.transfer.WindowUpdate"

        var update: Int32 = 0

        mutating func read(field: Int, _ value: ProtobufValue) throws(ProtobufError) {
            if field == 1 { update = try value.int32() }
        }
    }

    struct Progress: AnswerMessage {
        static let typeName = "containerd.types.transfer.Progress"

        var event = ""
        var name = ""
        var progress: Int64 = 0
        var total: Int64 = 0

        mutating func read(field: Int, _ value: ProtobufValue) throws(ProtobufError) {
            switch field {
            case 1: event = try value.string()
            case 2: name = try value.string()
            case 4: progress = try value.int64()
            case 5: total = try value.int64()
            default: break
            }
        }
    }
}
