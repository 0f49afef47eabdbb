import Features
import HostAPI
import HostAPIServer
import JSON
import SettingsModel

extension OperationHandler {
    /// `GET /os`.
    func osInfo(_ request: APIRequest) throws(Problem) -> APIReply {
        guard let prefix = request.parameters.text("prefix") else { return .json(os.json) }
        let short = prefix.hasPrefix("os.") ? String(prefix.dropFirst(3)) : prefix == "os" ? "" : prefix
        let found = (os.json.members ?? [:]).filter { $0.key.hasPrefix(short) }
        guard !found.isEmpty else { throw Self.nothingHasPrefix(prefix) }
        return .json(.object(found))
    }

    /// `GET /metadata/affected-services`.
    func affectedServices(_ request: APIRequest) -> APIReply {
        let services = features.affectedServices(of: Set(request.parameters.keys() ?? []))
        var members: [String: JSONValue] = [:]
        for (key, names) in services where !names.isEmpty {
            members[key.description] = .array(names.map { .string($0) })
        }
        return .json(.object(members))
    }

    /// The generators by key.
    func generators(_ form: (GeneratorInfo) -> JSONValue) -> [String: JSONValue] {
        var members: [String: JSONValue] = [:]
        for (key, generator) in features.generators {
            members[key.description] = form(
                GeneratorInfo(
                    command: generator.command.joined(separator: " "),
                    strength: generator.isWeak ? .weak : .strong
                )
            )
        }
        return members
    }

    /// The services by name.
    var services: [String: JSONValue] {
        features.services.mapValues { service in
            ServiceInfo(
                configurationFiles: service.files,
                restartCommands: service.restart.map(\.description)
            ).json
        }
    }

    /// The files by name.
    var configurationFiles: [String: JSONValue] {
        features.files.mapValues { file in
            let digits = String(file.mode, radix: 8)
            let mode = String(repeating: "0", count: max(0, 4 - digits.count)) + digits
            return ConfigurationFileInfo(
                path: file.path,
                templatePath: "\(templates)/\(file.template)",
                mode: mode
            ).json
        }
    }

    /// `GET /services` and `GET /configuration-files`: all, those of the names, or those with the prefix.
    func pick(_ request: APIRequest, _ all: [String: JSONValue], what: String) throws(Problem) -> APIReply {
        if let names = request.parameters.names() {
            let missing = Set(names).filter { all[$0] == nil }.sorted()
            guard missing.isEmpty else {
                let text = missing.prefix(20).joined(separator: ", ")
                throw Problem(status: 404, detail: "there is no \(what) of the name: \(text)")
            }
            return .json(.object(all.filter { names.contains($0.key) }))
        }
        guard let prefix = request.parameters.text("prefix") else { return .json(.object(all)) }
        let found = all.filter { $0.key.hasPrefix(prefix) }
        guard !found.isEmpty else { throw Self.nothingHasPrefix(prefix) }
        return .json(.object(found))
    }
}
