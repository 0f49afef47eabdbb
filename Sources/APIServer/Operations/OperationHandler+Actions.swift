import HostAPI
import Logging
import Systemd

extension OperationHandler {
    /// `POST /actions/reboot`.
    ///
    /// Answers first: a client that is stopped by the reboot must have its answer.
    func reboot(_ request: APIRequest) async throws(Problem) -> APIReply {
        let author = request.peer.author
        service.parts.logger.notice(
            "reboot asked for",
            metadata: ["PEER_UID": "\(author.user)", "PEER_PID": "\(author.process)", "PEER_PROGRAM": "\(author.program)"]
        )
        guard usesSystemd else { return .nothing }
        let logger = service.parts.logger
        Task {
            try? await Task.sleep(for: .milliseconds(200))
            await Blocking.run {
                do throws(SystemdError) {
                    try ServiceManager().reboot()
                } catch {
                    logger.error("the host can't be rebooted: \(error)")
                }
            }
        }
        return .nothing
    }

    /// `POST /actions/lockdown`.
    func lockdown(_ request: APIRequest) async throws(Problem) -> APIReply {
        try await service.lockDown(by: request.peer)
        return .nothing
    }
}
