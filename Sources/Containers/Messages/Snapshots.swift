internal import Protobuf

/// `containerd.services.snapshots.v1.Snapshots`: root file systems of containers.
enum Snapshots {
    static let prepare = Method<PrepareRequest, MountsAnswer>("snapshots.v1.Snapshots/Prepare")
    static let mounts = Method<KeyRequest, MountsAnswer>("snapshots.v1.Snapshots/Mounts")
    static let remove = Method<KeyRequest, ProtobufEmpty>("snapshots.v1.Snapshots/Remove")
    static let list = Method<SnapshotterRequest, ListAnswer>("snapshots.v1.Snapshots/List")

    struct PrepareRequest: RequestMessage {
        var snapshotter = ""
        var key = ""
        var parent = ""

        func write(to writer: inout ProtobufWriter) {
            writer.string(1, snapshotter)
            writer.string(2, key)
            writer.string(3, parent)
        }
    }

    struct KeyRequest: RequestMessage {
        var snapshotter = ""
        var key = ""

        func write(to writer: inout ProtobufWriter) {
            writer.string(1, snapshotter)
            writer.string(2, key)
        }
    }

    struct SnapshotterRequest: RequestMessage {
        var snapshotter = ""

        func write(to writer: inout ProtobufWriter) { writer.string(1, snapshotter) }
    }

    struct MountsAnswer: AnswerMessage {
        var mounts: [WireMount] = []

        mutating func read(field: Int, _ value: ProtobufValue) throws(ProtobufError) {
            if field == 1 { mounts.append(try value.message(WireMount.self)) }
        }
    }

    /// What a snapshot is: only an active one can be written, and belongs to one container.
    struct Info: AnswerMessage {
        static let active: Int32 = 2

        var name = ""
        var kind: Int32 = 0

        mutating func read(field: Int, _ value: ProtobufValue) throws(ProtobufError) {
            switch field {
            case 1: name = try value.string()
            case 3: kind = try value.int32()
            default: break
            }
        }
    }

    struct ListAnswer: AnswerMessage {
        var snapshots: [Info] = []

        mutating func read(field: Int, _ value: ProtobufValue) throws(ProtobufError) {
            if field == 1 { snapshots.append(try value.message(Info.self)) }
        }
    }
}
