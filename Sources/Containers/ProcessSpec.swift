internal import JSON
internal import Protobuf

/// The process of a container, from its specification: what processes that are added are made from.
struct ProcessSpec: Equatable {
    /// How containerd names the type of a process.
    static let typeName = "types.containerd.io/opencontainers/runtime-spec/1/Process"

    let members: [String: JSONValue]

    /// Reads it from a container's specification; nil when there is none in it.
    init?(_ spec: ProtobufAny?) {
        guard let spec, let json = try? JSONValue(parsing: spec.value),
            let members = json["process"]?.members
        else { return nil }
        self.members = members
    }

    /// What is run.
    var program: String? { members["args"]?.elements?.first?.string }

    /// Another process with the same user, rights, folder and environment.
    func adding(_ process: ExecProcess) -> ProtobufAny {
        var members = members
        members["args"] = .array(process.arguments.map { .string($0) })
        members["terminal"] = .bool(process.terminal != nil)
        members["consoleSize"] = process.terminal.map {
            ["width": .integer(Int64($0.columns)), "height": .integer(Int64($0.rows))]
        }
        members["env"] = .array(environment(with: process.environmentAdditions).map { .string($0) })
        return ProtobufAny(typeURL: Self.typeName, value: Array(JSONValue.object(members).description.utf8))
    }

    /// The environment, where later values replace earlier ones of the same name.
    private func environment(with additions: [String]) -> [String] {
        func name(_ text: String) -> Substring { text.prefix { $0 != "=" } }
        let names = Set(additions.map { name($0) })
        let own = (members["env"]?.elements ?? []).compactMap(\.string)
        return own.filter { !names.contains(name($0)) } + additions
    }
}
