import HostAPI
import HostAPIServer
import JSON
import NIOCore
import SettingsModel
import SettingsStore

extension OperationHandler {
    /// `GET /`: everything, or what has the prefix.
    func all(_ request: APIRequest) throws(Problem) -> APIReply {
        let everything: JSONValue = [
            "settings": snapshot.inForce.settings.json,
            "services": .object(services),
            "configuration-files": .object(configurationFiles),
            "os": os.json,
        ]
        guard let prefix = request.parameters.text("prefix") else { return .json(everything) }
        var parts: [String: JSONValue] = [:]
        for (name, part) in everything.members ?? [:] {
            if name == SettingKey.root {
                let found = snapshot.inForce.settings.beginning(with: prefix)
                if !found.values.isEmpty { parts[name] = found.json }
            } else if let found = Self.members(of: part, at: name, beginningWith: prefix) {
                parts[name] = found
            }
        }
        guard !parts.isEmpty else { throw Self.nothingHasPrefix(prefix) }
        return .json(.object(parts))
    }

    /// `GET /settings`.
    func settings(_ request: APIRequest) throws(Problem) -> APIReply {
        let inForce = snapshot.inForce
        if let keys = request.parameters.keys() {
            let (found, missing) = inForce.settings.inside(anyOf: Set(keys))
            guard missing.isEmpty else {
                let names = missing.sorted().prefix(20).map(\.description).joined(separator: ", ")
                throw Problem(status: 404, detail: "no value is set for: \(names)")
            }
            return .json(found.json)
        }
        guard let prefix = request.parameters.text("prefix") else { return .json(inForce.answer.body) }
        // Bottlerocket's clients leave the first word out.
        let whole = prefix.hasPrefix(SettingKey.root) ? prefix : "\(SettingKey.root).\(prefix)"
        let found = inForce.settings.beginning(with: whole)
        guard !found.values.isEmpty else { throw Self.nothingHasPrefix(prefix) }
        return .json(found.json)
    }

    /// `PATCH /settings`.
    func patch(_ request: APIRequest) async throws(Problem) -> APIReply {
        let json = try Self.json(of: request)
        let document: SettingsDocument
        do throws(InvalidSettings) {
            document = try SettingsDocument(checking: json)
        } catch {
            throw Problem(error)
        }
        return try await stage(document, request)
    }

    /// `PATCH /settings/keypair`.
    func patchKeyPairs(_ request: APIRequest) async throws(Problem) -> APIReply {
        let json = try Self.json(of: request)
        let pairs: KeyPairs
        do throws(PayloadError) {
            pairs = try KeyPairs(json: json)
        } catch {
            throw Problem(error)
        }
        let (document, problems) = SettingsDocument.sift(keyPairs: pairs.texts)
        guard problems.isEmpty else { throw Problem(InvalidSettings(problems: problems)) }
        return try await stage(document, request)
    }

    /// `DELETE /settings`.
    func deleteSettings(_ request: APIRequest) async throws(Problem) -> APIReply {
        let keys = request.parameters.keys() ?? []
        let unknown = Set(keys.filter { Settings.type(of: $0) == nil || $0.segments.isEmpty }).sorted()
        guard unknown.isEmpty else {
            throw Problem(
                InvalidSettings(
                    problems: unknown.prefix(SettingReader.maximumProblems).map {
                        SettingProblem(key: $0.description, value: nil, allowed: "there is no such setting")
                    }
                )
            )
        }
        let changes = keys.map { ($0, PendingTransaction.Change.delete) }
        try await service.stage(
            Dictionary(changes) { first, _ in first },
            in: request.parameters.transaction,
            by: request.peer
        )
        return .nothing
    }

    private func stage(_ document: SettingsDocument, _ request: APIRequest) async throws(Problem) -> APIReply
    {
        let isWeak = request.parameters.text("strength") == PendingTransaction.Strength.weak.rawValue
        try await service.stage(
            document.values.mapValues { .set($0, isWeak ? .weak : .strong) },
            in: request.parameters.transaction,
            by: request.peer
        )
        return .nothing
    }

    /// The body as JSON.
    static func json(of request: APIRequest) throws(Problem) -> JSONValue {
        do throws(JSONError) {
            return try JSONValue(parsing: request.body.readableBytesView)
        } catch {
            throw Problem(error)
        }
    }

    static func nothingHasPrefix(_ prefix: String) -> Problem {
        Problem(status: 404, detail: "nothing has a name that begins with '\(prefix.prefix(80))'")
    }

    /// The members of a tree of objects whose path begins with a text; nil if there is none.
    static func members(of json: JSONValue, at path: String, beginningWith prefix: String) -> JSONValue? {
        if path.hasPrefix(prefix) { return json }
        guard prefix.hasPrefix(path), let members = json.members else { return nil }
        var found: [String: JSONValue] = [:]
        for (name, member) in members {
            found[name] = Self.members(of: member, at: "\(path).\(name)", beginningWith: prefix)
        }
        return found.isEmpty ? nil : .object(found)
    }
}
