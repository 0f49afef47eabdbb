import Foundation
import TestSupport
import Testing

/// Python's protobuf with the descriptors of messages that lie in containerd's binary.
enum Descriptors {
    /// A Python with the module google.protobuf; nil when there is none.
    static let python: String? = {
        let venv = ProcessInfo.processInfo.environment["BULKHEAD_VENV"].map { "\($0)/bin/python3" }
        return [venv, "/usr/bin/python3"].compactMap(\.self).first {
            (try? runTool($0, "-c", "import google.protobuf"))?.status == 0
        }
    }()

    /// Python's answers, a line each.
    static func ask(_ lines: [String]) throws -> [String] {
        let folder = try TemporaryDirectory()
        try Data(Self.program.utf8).write(to: folder.url.appending(path: "descriptors.py"))
        try Data(lines.joined(separator: "\n").utf8).write(to: folder.url.appending(path: "asked"))
        let (status, output) = try runTool(
            try #require(python),
            folder.file("descriptors.py"),
            try Containerd.binary,
            folder.file("asked")
        )
        try #require(status == 0, "\(output)")
        let answers = output.split(separator: "\n").map(String.init)
        try #require(answers.count == lines.count, "\(output)")
        return answers
    }

    private static let program = #"""
        import json, mmap, re, sys
        from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
        from google.protobuf import any_pb2, empty_pb2, field_mask_pb2, timestamp_pb2

        file = open(sys.argv[1], "rb")
        binary = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


        def varint(at):
            value = shift = 0
            while True:
                byte = binary[at]
                at += 1
                value |= (byte & 127) << shift
                shift += 7
                if byte < 128:
                    return value, at


        def end(at):
            """Where the fields of a FileDescriptorProto end; `syntax`, its last one, is number 12."""
            while True:
                key, behind = varint(at)
                if not 1 <= key >> 3 <= 14 or key & 7 not in (0, 2):
                    return at
                length, behind = varint(behind)
                at = behind + length if key & 7 == 2 else behind
                if key >> 3 == 12:
                    return at


        files = {}
        for match in re.finditer(rb"\x0a([\x01-\x7f])(github\.com/containerd[a-zA-Z0-9_\-/.]*\.proto)", binary):
            if match.group(1)[0] != len(match.group(2)):
                continue
            proto = descriptor_pb2.FileDescriptorProto()
            try:
                proto.ParseFromString(binary[match.start():end(match.start())])
            except Exception:
                continue
            if proto.ByteSize() > (files[proto.name].ByteSize() if proto.name in files else 0):
                files[proto.name] = proto
        pool = descriptor_pool.Default()
        added = set()


        def add(name):
            if name in added or name not in files:
                return
            added.add(name)
            for other in files[name].dependency:
                add(other)
            pool.Add(files[name])


        for name in list(files):
            if re.search(r"api/services/(containers|content|images|leases|namespaces|snapshots|streaming|tasks|transfer|version)/v1/|api/types/|runc/options/oci", name) and "ttrpc" not in name:
                add(name)


        def is_map(field):
            return field.message_type is not None and field.message_type.GetOptions().map_entry


        def value(item):
            return plain(item) if hasattr(item, "ListFields") else item.hex() if isinstance(item, bytes) else item


        def plain(message):
            result = {}
            for field, content in message.ListFields():
                if is_map(field):
                    result[field.name] = dict(content)
                elif isinstance(content, (str, bytes, int)) or hasattr(content, "ListFields"):
                    result[field.name] = value(content)
                else:
                    result[field.name] = [value(item) for item in content]
            return result


        def fill(message, values):
            for name, content in values.items():
                field = message.DESCRIPTOR.fields_by_name[name]
                if is_map(field):
                    getattr(message, name).update(content)
                elif isinstance(content, list):
                    for item in content:
                        fill(getattr(message, name).add(), item) if field.message_type else getattr(message, name).append(item)
                elif field.message_type:
                    getattr(message, name).SetInParent()
                    fill(getattr(message, name), content)
                else:
                    setattr(message, name, bytes.fromhex(content) if field.type == field.TYPE_BYTES else content)


        for line in open(sys.argv[2]):
            what, name, text = line.rstrip("\n").split(" ", 2)
            message = message_factory.GetMessageClass(pool.FindMessageTypeByName(name))()
            if what == "encode":
                fill(message, json.loads(text))
                print(message.SerializeToString().hex())
                continue
            message.ParseFromString(bytes.fromhex(text))
            known = message.SerializeToString()
            message.DiscardUnknownFields()
            if len(known) != len(message.SerializeToString()):
                sys.exit(f"{name} has unknown fields: {text}")
            print(json.dumps(plain(message), sort_keys=True, separators=(",", ":")))
        """#
}
