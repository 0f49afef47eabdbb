import HostAPI
import HostAPIServer
import JSON
import NIOCore
import SettingsModel
import SettingsStore

extension OperationHandler {
    /// What is pending, for `GET /tx` and `GET /v2/tx`.
    func transaction(_ request: APIRequest) -> TransactionView {
        guard let pending = snapshot.transactions[request.parameters.transaction] else {
            return TransactionView(settings: [:], strengths: [:], deletions: [])
        }
        var strengths: [SettingKey: TransactionView.Strength] = [:]
        var deletions: [SettingKey] = []
        for (key, change) in pending.changes {
            switch change {
            case .set(_, .strong): strengths[key] = .strong
            case .set(_, .weak): strengths[key] = .weak
            case .delete: deletions.append(key)
            }
        }
        return TransactionView(
            settings: pending.settings.json,
            strengths: strengths,
            deletions: deletions.sorted()
        )
    }

    /// `DELETE /tx`.
    func discard(_ request: APIRequest) async throws(Problem) -> APIReply {
        .keys(try await service.discard(request.parameters.transaction, by: request.peer))
    }

    /// `POST /tx/commit`.
    func commit(_ request: APIRequest) async throws(Problem) -> APIReply {
        .keys(try await commitChanges(request, owesApply: false))
    }

    /// `POST /tx/apply`.
    func apply(_ request: APIRequest) async -> APIReply {
        let result = await service.apply(request.parameters.keys().map { Set($0) })
        return request.wantsReport ? .report(result) : .nothing
    }

    /// `POST /tx/commit_and_apply`.
    func commitAndApply(_ request: APIRequest) async throws(Problem) -> APIReply {
        let changed = try await commitChanges(request, owesApply: true)
        let result = await service.apply(Set(changed), isOwed: true)
        return request.wantsReport ? .report(result) : .keys(changed)
    }

    /// `POST /tx/confirm`.
    func confirm(_ request: APIRequest) async throws(Problem) -> APIReply {
        try await service.confirm(by: request.peer)
        return .nothing
    }

    private func commitChanges(_ request: APIRequest, owesApply: Bool) async throws(Problem) -> [SettingKey] {
        try await service.commit(
            request.parameters.transaction,
            confirmWithin: request.parameters.integer("confirm-within"),
            owesApply: owesApply,
            by: request.peer
        )
    }
}

extension APIReply {
    /// 200 with what was applied.
    static func report(_ result: ApplyResult) -> APIReply {
        .content(ByteBuffer(string: result.json.description), mediaType: ApplyResult.mediaType)
    }
}
