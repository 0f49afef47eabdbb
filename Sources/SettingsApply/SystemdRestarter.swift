public import HostAPI
internal import Dispatch
public import Features
internal import Glibc
internal import Systemd

/// Restarts services through systemd, over sd-bus.
///
/// The calls block, so they run on a thread of their own, one after the other.
public struct SystemdRestarter: ServiceRestarter {
    private let queue = DispatchQueue(label: "systemd-restarts")
    private let timeout: Duration
    private let address: String?

    /// A restarter.
    ///
    /// - Parameters:
    ///   - timeout: how long each request may take; systemd goes on after that.
    ///   - address: where the bus is; nil for the system's.
    public init(timeout: Duration = .seconds(90), address: String? = nil) {
        self.timeout = timeout
        self.address = address
    }

    /// Asks systemd and waits for the end of the job.
    public func perform(_ restart: Feature.Restart) async -> (ApplyResult.Outcome, String?) {
        await withCheckedContinuation { continuation in
            queue.async { continuation.resume(returning: ask(restart)) }
        }
    }

    private func ask(_ restart: Feature.Restart) -> (ApplyResult.Outcome, String?) {
        do throws(SystemdError) {
            // A connection for each request: one that broke in between can't spoil the next.
            var manager =
                if let address { try ServiceManager(address: address) } else { try ServiceManager() }
            let action = try action(restart, manager)
            let result = try manager.perform(action, unit: restart.unit, timeout: timeout)
            switch result {
            case .done: return (.done, nil)
            case .skipped: return (.skipped, result.description)
            case .unfinished: return (.timedOut, "not done within \(timeout); systemd goes on")
            case .failed, .timedOut, .dependency, .other: return (.failed, result.description)
            }
        } catch .call(let method, ETIMEDOUT) {
            return (.timedOut, "systemd did not answer \(method) within \(timeout)")
        } catch {
            return (.failed, error.description)
        }
    }

    private func action(
        _ restart: Feature.Restart,
        _ manager: borrowing ServiceManager
    ) throws(SystemdError) -> ServiceManager.Action {
        let action: ServiceManager.Action =
            switch restart.action {
            case .start: .start
            case .restart: .restart
            case .reload: .reload
            // A unit that failed is not active, so systemd would not try; but these settings may be what mends it.
            case .tryRestart: try hasFailed(restart.unit, manager) ? .restart : .tryRestart
            case .reloadOrTryRestart: try hasFailed(restart.unit, manager) ? .restart : .reloadOrTryRestart
            }
        // Many commits in a short time must not count as a unit that fails again and again. Units that systemd does
        // not know are refused later, with a better message.
        if action != .reload { try? manager.resetFailed(unit: restart.unit) }
        return action
    }

    private func hasFailed(_ unit: String, _ manager: borrowing ServiceManager) throws(SystemdError) -> Bool {
        try manager.units(inState: "failed").contains(unit)
    }
}
