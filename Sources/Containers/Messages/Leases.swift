internal import Protobuf

/// `containerd.services.leases.v1.Leases`: what keeps things that nothing names yet.
enum Leases {
    static let create = Method<CreateRequest, LeaseAnswer>("leases.v1.Leases/Create")
    static let delete = Method<DeleteRequest, ProtobufEmpty>("leases.v1.Leases/Delete")
    static let list = Method<ListRequest, ListAnswer>("leases.v1.Leases/List")

    struct Lease: AnswerMessage {
        var id = ""
        var labels: [String: String] = [:]

        mutating func read(field: Int, _ value: ProtobufValue) throws(ProtobufError) {
            switch field {
            case 1: id = try value.string()
            case 3:
                let entry = try value.mapEntry()
                labels[entry.key] = entry.value
            default: break
            }
        }
    }

    struct CreateRequest: RequestMessage {
        var id = ""
        var labels: [String: String] = [:]

        func write(to writer: inout ProtobufWriter) {
            writer.string(1, id)
            writer.map(3, labels)
        }
    }

    struct LeaseAnswer: AnswerMessage {
        var lease = Lease()

        mutating func read(field: Int, _ value: ProtobufValue) throws(ProtobufError) {
            if field == 1 { lease = try value.message(Lease.self) }
        }
    }

    struct DeleteRequest: RequestMessage {
        var id = ""
        /// Whether what nothing names any more is removed before the answer.
        var sync = false

        func write(to writer: inout ProtobufWriter) {
            writer.string(1, id)
            writer.bool(2, sync)
        }
    }

    struct ListAnswer: AnswerMessage {
        var leases: [Lease] = []

        mutating func read(field: Int, _ value: ProtobufValue) throws(ProtobufError) {
            if field == 1 { leases.append(try value.message(Lease.self)) }
        }
    }
}
