import HostAPI
import Logging
import SettingsStore
import Systemd

extension OperationHandler {
    /// `POST /actions/reboot`.
    ///
    /// Comes back when the reboot is accepted; the server then lets the answer out before it is stopped.
    func reboot(_ request: APIRequest) async throws(Problem) -> APIReply {
        let author = request.peer.author
        service.parts.logger.notice(
            "reboot asked for",
            metadata: [
                "PEER_UID": "\(author.user)", "PEER_PID": "\(author.process)", "PEER_PROGRAM": "\(author.program)",
            ]
        )
        guard usesSystemd else { return .nothing }
        throw Problem(status: 500, detail: "not yet")
    }

    /// `POST /actions/lockdown`.
    func lockdown(_ request: APIRequest) async throws(Problem) -> APIReply {
        try await service.lockDown(by: request.peer)
        return .nothing
    }
}
