import Foundation
import Protobuf
import TestSupport
import Testing

/// Messages between ours and Python's protobuf, both ways.
@Suite struct GoldenTests {
    private static let python: String? = {
        var candidates = ["python3"]
        if let venv = ProcessInfo.processInfo.environment["BULKHEAD_VENV"] {
            candidates.insert("\(venv)/bin/python3", at: 0)
        }
        return candidates.first { (try? runTool($0, "-c", "import grpc_tools.protoc").status) == 0 }
    }()

    @Test(
        .enabled(
            if: python != nil,
            "SKIPPED: python module grpc_tools is neither in $BULKHEAD_VENV nor in the system: make test installs it"
        )
    )
    func randomMessagesMeanTheSame() throws {
        let python = try #require(Self.python)
        let place = try TemporaryDirectory()
        let folder = URL(filePath: #filePath).deletingLastPathComponent()
        let arguments = [
            folder.appending(path: "golden.py").path, folder.appending(path: "golden.proto").path,
        ]
        let seed = UInt32.random(in: 0 ... .max)
        let written = try runTool(python, arguments + ["write", "\(seed)", "200"])
        try #require(written.status == 0, "\(written.output)")
        var pairs = ""
        for line in written.output.split(separator: "\n") {
            let message = try Golden(serialized: [UInt8](try #require(Data(base64Encoded: String(line)))))
            let again = message.serialized
            #expect(try Golden(serialized: again) == message)
            pairs += "\(line) \(Data(again).base64EncodedString())\n"
        }
        try Data(pairs.utf8).write(to: URL(filePath: place.file("pairs")))
        let compared = try runTool(python, arguments + ["compare", place.file("pairs")])
        #expect(
            compared.status == 0 && compared.output == "same\n",
            "seed \(seed): \(compared.output.suffix(2000))"
        )
    }
}

/// `golden.proto` without its fields of fixed length.
struct Golden: ProtobufMessage {
    enum Kind: Int32 {
        case none, one, two
    }

    var text = ""
    var data: [UInt8] = []
    var small: Int32 = 0
    var large: Int64 = 0
    var usmall: UInt32 = 0
    var ularge: UInt64 = 0
    var flag = false
    var kind = Kind.none
    var texts: [String] = []
    var labels: [String: String] = [:]
    var inner: [Golden] = []
    var inners: [Golden] = []
    var time: ProtobufTimestamp?
    var any: ProtobufAny?
    var nothing: ProtobufEmpty?
    var far = ""

    func write(to writer: inout ProtobufWriter) {
        writer.string(1, text)
        writer.bytes(2, data)
        writer.int32(3, small)
        writer.int64(4, large)
        writer.uint32(5, usmall)
        writer.uint64(6, ularge)
        writer.bool(7, flag)
        writer.enumeration(8, kind)
        writer.repeated(9, texts)
        writer.map(10, labels)
        writer.message(11, inner.first)
        writer.repeated(12, inners)
        writer.message(13, time)
        writer.message(14, any)
        writer.message(15, nothing)
        writer.string(536_870_911, far)
    }

    mutating func read(field: Int, _ value: ProtobufValue) throws(ProtobufError) {
        switch field {
        case 1: text = try value.string()
        case 2: data = try value.bytes()
        case 3: small = try value.int32()
        case 4: large = try value.int64()
        case 5: usmall = try value.uint32()
        case 6: ularge = try value.uint64()
        case 7: flag = try value.bool()
        case 8: kind = try value.enumeration() ?? .none
        case 9: texts.append(try value.string())
        case 10:
            let entry = try value.mapEntry()
            labels[entry.key] = entry.value
        case 11: inner = [try value.message()]
        case 12: inners.append(try value.message())
        case 13: time = try value.message()
        case 14: any = try value.message()
        case 15: nothing = try value.message()
        case 536_870_911: far = try value.string()
        default: break
        }
    }
}
