internal import OCI
internal import Protobuf

/// `containerd.types.Descriptor`.
struct WireDescriptor: ProtobufMessage {
    var mediaType = ""
    var digest = ""
    var size: Int64 = 0
    var annotations: [String: String] = [:]

    func write(to writer: inout ProtobufWriter) {
        writer.string(1, mediaType)
        writer.string(2, digest)
        writer.int64(3, size)
        writer.map(5, annotations)
    }

    mutating func read(field: Int, _ value: ProtobufValue) throws(ProtobufError) {
        switch field {
        case 1: mediaType = try value.string()
        case 2: digest = try value.string()
        case 3: size = try value.int64()
        case 5:
            let entry = try value.mapEntry()
            annotations[entry.key] = entry.value
        default: break
        }
    }
}

/// `containerd.types.Mount`: how a file system is mounted; passed on from a snapshotter to a task.
struct WireMount: ProtobufMessage {
    var type = ""
    var source = ""
    var target = ""
    var options: [String] = []

    func write(to writer: inout ProtobufWriter) {
        writer.string(1, type)
        writer.string(2, source)
        writer.string(3, target)
        writer.repeated(4, options)
    }

    mutating func read(field: Int, _ value: ProtobufValue) throws(ProtobufError) {
        switch field {
        case 1: type = try value.string()
        case 2: source = try value.string()
        case 3: target = try value.string()
        case 4: options.append(try value.string())
        default: break
        }
    }
}

/// `containerd.types.Platform`.
struct WirePlatform: RequestMessage {
    var os = ""
    var architecture = ""
    var variant = ""

    init() {}

    init(_ platform: Platform) {
        os = platform.os
        architecture = platform.architecture
        variant = platform.variant ?? ""
    }

    func write(to writer: inout ProtobufWriter) {
        writer.string(1, os)
        writer.string(2, architecture)
        writer.string(3, variant)
    }
}

/// `containerd.runc.v1.Options`: what the shim of runc is told.
struct RuncOptions: ProtobufMessage {
    static let typeName = "containerd.runc.v1.Options"

    var binaryName = ""
    var root = ""

    func write(to writer: inout ProtobufWriter) {
        writer.string(6, binaryName)
        writer.string(7, root)
    }

    mutating func read(field: Int, _ value: ProtobufValue) throws(ProtobufError) {
        switch field {
        case 6: binaryName = try value.string()
        case 7: root = try value.string()
        default: break
        }
    }
}
