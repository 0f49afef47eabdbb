internal import Protobuf

/// `containerd.services.tasks.v1.Tasks`: processes in containers.
enum Tasks {
    static let create = Method<CreateRequest, PidAnswer>("tasks.v1.Tasks/Create")
    static let start = Method<ProcessRequest, StartAnswer>("tasks.v1.Tasks/Start")
    static let get = Method<ProcessRequest, GetAnswer>("tasks.v1.Tasks/Get")
    static let list = Method<ListRequest, ListAnswer>("tasks.v1.Tasks/List")
    static let wait = Method<ProcessRequest, WaitAnswer>("tasks.v1.Tasks/Wait")
    static let kill = Method<KillRequest, ProtobufEmpty>("tasks.v1.Tasks/Kill")
    static let delete = Method<NamedRequest, DeleteAnswer>("tasks.v1.Tasks/Delete")
    static let deleteProcess = Method<ProcessRequest, DeleteAnswer>("tasks.v1.Tasks/DeleteProcess")
    static let exec = Method<ExecRequest, ProtobufEmpty>("tasks.v1.Tasks/Exec")
    static let resize = Method<ResizeRequest, ProtobufEmpty>("tasks.v1.Tasks/ResizePty")
    static let closeInput = Method<CloseInputRequest, ProtobufEmpty>("tasks.v1.Tasks/CloseIO")

    /// A container's first process, or one that was added by `exec`.
    struct ProcessRequest: RequestMessage {
        var container = ""
        var exec = ""

        func write(to writer: inout ProtobufWriter) {
            writer.string(1, container)
            writer.string(2, exec)
        }
    }

    struct CreateRequest: RequestMessage {
        var container = ""
        var rootfs: [WireMount] = []
        var streams = StreamPaths()
        var options: ProtobufAny?

        func write(to writer: inout ProtobufWriter) {
            writer.string(1, container)
            writer.repeated(3, rootfs)
            writer.string(4, streams.stdin ?? "")
            writer.string(5, streams.stdout)
            writer.string(6, streams.terminal ? "" : streams.stderr)
            writer.bool(7, streams.terminal)
            writer.message(9, options)
        }
    }

    struct ExecRequest: RequestMessage {
        var container = ""
        var streams = StreamPaths()
        var spec: ProtobufAny?
        var exec = ""

        func write(to writer: inout ProtobufWriter) {
            writer.string(1, container)
            writer.string(2, streams.stdin ?? "")
            writer.string(3, streams.stdout)
            writer.string(4, streams.terminal ? "" : streams.stderr)
            writer.bool(5, streams.terminal)
            writer.message(6, spec)
            writer.string(7, exec)
        }
    }

    struct KillRequest: RequestMessage {
        var container = ""
        var exec = ""
        var signal: UInt32 = 0
        var all = false

        func write(to writer: inout ProtobufWriter) {
            writer.string(1, container)
            writer.string(2, exec)
            writer.uint32(3, signal)
            writer.bool(4, all)
        }
    }

    struct ResizeRequest: RequestMessage {
        var container = ""
        var exec = ""
        var columns: UInt32 = 0
        var rows: UInt32 = 0

        func write(to writer: inout ProtobufWriter) {
            writer.string(1, container)
            writer.string(2, exec)
            writer.uint32(3, columns)
            writer.uint32(4, rows)
        }
    }

    struct CloseInputRequest: RequestMessage {
        var container = ""
        var exec = ""

        func write(to writer: inout ProtobufWriter) {
            writer.string(1, container)
            writer.string(2, exec)
            writer.bool(3, true)
        }
    }
}

extension Tasks {
    struct PidAnswer: AnswerMessage {
        var pid: UInt32 = 0

        mutating func read(field: Int, _ value: ProtobufValue) throws(ProtobufError) {
            if field == 2 { pid = try value.uint32() }
        }
    }

    struct StartAnswer: AnswerMessage {
        var pid: UInt32 = 0

        mutating func read(field: Int, _ value: ProtobufValue) throws(ProtobufError) {
            if field == 1 { pid = try value.uint32() }
        }
    }

    /// `containerd.v1.types.Process`.
    struct Process: AnswerMessage {
        var container = ""
        /// Of a task in a list: its container's; `container` is empty there.
        var id = ""
        var pid: UInt32 = 0
        var status: Int32 = 0
        var exitStatus: UInt32 = 0
        var exitedAt = ProtobufTimestamp()

        mutating func read(field: Int, _ value: ProtobufValue) throws(ProtobufError) {
            switch field {
            case 1: container = try value.string()
            case 2: id = try value.string()
            case 3: pid = try value.uint32()
            case 4: status = try value.int32()
            case 9: exitStatus = try value.uint32()
            case 10: exitedAt = try value.message(ProtobufTimestamp.self)
            default: break
            }
        }
    }

    struct GetAnswer: AnswerMessage {
        var process = Process()

        mutating func read(field: Int, _ value: ProtobufValue) throws(ProtobufError) {
            if field == 1 { process = try value.message(Process.self) }
        }
    }

    struct ListAnswer: AnswerMessage {
        var tasks: [Process] = []

        mutating func read(field: Int, _ value: ProtobufValue) throws(ProtobufError) {
            if field == 1 { tasks.append(try value.message(Process.self)) }
        }
    }

    struct WaitAnswer: AnswerMessage {
        var exitStatus: UInt32 = 0
        var exitedAt = ProtobufTimestamp()

        mutating func read(field: Int, _ value: ProtobufValue) throws(ProtobufError) {
            switch field {
            case 1: exitStatus = try value.uint32()
            case 2: exitedAt = try value.message(ProtobufTimestamp.self)
            default: break
            }
        }
    }

    struct DeleteAnswer: AnswerMessage {
        var exitStatus: UInt32 = 0
        var exitedAt = ProtobufTimestamp()

        mutating func read(field: Int, _ value: ProtobufValue) throws(ProtobufError) {
            switch field {
            case 3: exitStatus = try value.uint32()
            case 4: exitedAt = try value.message(ProtobufTimestamp.self)
            default: break
            }
        }
    }
}
