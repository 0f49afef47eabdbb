import HostAPI
import HostAPIServer
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
                "PEER_UID": "\(author.user)", "PEER_PID": "\(author.process)",
                "PEER_PROGRAM": "\(author.program)",
            ]
        )
        guard usesSystemd else { return .nothing }
        let fault = await Blocking.run { () -> SystemdError? in
            do throws(SystemdError) {
                var manager = try ServiceManager()
                try manager.reboot()
                return nil
            } catch {
                return error
            }
        }
        switch fault {
        case nil: return .nothing
        case .refused?:
            throw Problem(status: 409, detail: "the reboot is held back: \(fault.map(\.description) ?? "")")
        case let fault?: throw Problem(status: 500, detail: "the host can't be rebooted: \(fault)")
        }
    }

    /// `POST /actions/lockdown`.
    func lockdown(_ request: APIRequest) async throws(Problem) -> APIReply {
        try await service.lockDown(by: request.peer)
        return .nothing
    }
}
