internal import Protobuf

/// `containerd.services.containers.v1.Containers`: what containers are made of; what runs is a task.
enum ContainerRecords {
    static let get = Method<NamedRequest, ContainerAnswer>("containers.v1.Containers/Get")
    static let list = Method<ListRequest, ListAnswer>("containers.v1.Containers/List")
    static let create = Method<CreateRequest, ContainerAnswer>("containers.v1.Containers/Create")
    static let delete = Method<NamedRequest, ProtobufEmpty>("containers.v1.Containers/Delete")

    struct Container: ProtobufMessage {
        var id = ""
        var labels: [String: String] = [:]
        var image = ""
        var runtime = Runtime()
        var spec: ProtobufAny?
        var snapshotter = ""
        var snapshotKey = ""

        func write(to writer: inout ProtobufWriter) {
            writer.string(1, id)
            writer.map(2, labels)
            writer.string(3, image)
            writer.message(4, runtime)
            writer.message(5, spec)
            writer.string(6, snapshotter)
            writer.string(7, snapshotKey)
        }

        mutating func read(field: Int, _ value: ProtobufValue) throws(ProtobufError) {
            switch field {
            case 1: id = try value.string()
            case 2:
                let entry = try value.mapEntry()
                labels[entry.key] = entry.value
            case 3: image = try value.string()
            case 4: runtime = try value.message(Runtime.self)
            case 5: spec = try value.message(ProtobufAny.self)
            case 6: snapshotter = try value.string()
            case 7: snapshotKey = try value.string()
            default: break
            }
        }
    }

    struct Runtime: ProtobufMessage {
        var name = ""
        var options: ProtobufAny?

        func write(to writer: inout ProtobufWriter) {
            writer.string(1, name)
            writer.message(2, options)
        }

        mutating func read(field: Int, _ value: ProtobufValue) throws(ProtobufError) {
            switch field {
            case 1: name = try value.string()
            case 2: options = try value.message(ProtobufAny.self)
            default: break
            }
        }
    }

    struct CreateRequest: RequestMessage {
        var container = Container()

        func write(to writer: inout ProtobufWriter) { writer.message(1, container) }
    }

    struct ContainerAnswer: AnswerMessage {
        var container = Container()

        mutating func read(field: Int, _ value: ProtobufValue) throws(ProtobufError) {
            if field == 1 { container = try value.message(Container.self) }
        }
    }

    struct ListAnswer: AnswerMessage {
        var containers: [Container] = []

        mutating func read(field: Int, _ value: ProtobufValue) throws(ProtobufError) {
            if field == 1 { containers.append(try value.message(Container.self)) }
        }
    }
}
