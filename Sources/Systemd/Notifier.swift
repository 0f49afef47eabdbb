internal import CSystemd

/// Tells the service manager how this process is, as services of `Type=notify` do (sd_notify(3)).
public struct Notifier: Sendable {
    /// What is told.
    public enum State: Sendable, Equatable {
        /// The service is up, or done with a reload.
        case ready
        /// The service is about to end.
        case stopping
        /// One line for `systemctl status`.
        case status(String)
        /// Still alive; see `watchdogInterval`.
        case watchdog

        var assignment: String {
            switch self {
            case .ready: "READY=1"
            case .stopping: "STOPPING=1"
            // A line break would begin another assignment.
            case .status(let text): "STATUS=" + String(text.prefix(500).map { $0.isNewline ? " " : $0 })
            case .watchdog: "WATCHDOG=1"
            }
        }
    }

    /// A notifier to the manager that NOTIFY_SOCKET names.
    public init() {}

    /// Sends states in one message.
    ///
    /// - Returns: whether there is a manager that listens; without one, as in tests, nothing is sent.
    /// - Throws: `SystemdError.notify` when it could not be sent.
    @discardableResult
    public func send(_ states: State...) throws(SystemdError) -> Bool {
        let result = sd_notify(0, states.map(\.assignment).joined(separator: "\n"))
        guard result >= 0 else { throw .notify(errno: -result) }
        return result > 0
    }

    /// How often `.watchdog` is to be sent: half of the time after which the manager gives the service up.
    ///
    /// Nil when it keeps no watch on this process.
    public var watchdogInterval: Duration? {
        var microseconds: UInt64 = 0
        guard sd_watchdog_enabled(0, &microseconds) > 0, microseconds > 1 else { return nil }
        return .microseconds(Int64(clamping: microseconds / 2))
    }
}

extension Duration {
    /// Whole microseconds, as systemd counts; none for durations below zero.
    var microseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let (product, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000)
        let (sum, overflows) = product.addingReportingOverflow(UInt64(attoseconds / 1_000_000_000_000))
        // The largest number means "for ever" to systemd, which nothing here wants.
        return overflow || overflows ? .max - 1 : sum
    }
}
