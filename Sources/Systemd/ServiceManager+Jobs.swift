internal import CSystemd

/// What became of a job of systemd.
public enum JobResult: Sendable, Equatable, CustomStringConvertible {
    /// It did what was asked, or there was nothing to do.
    case done
    /// It failed; the unit's journal tells why.
    case failed
    /// The unit's own time limit is over.
    case timedOut
    /// A unit that it needs failed.
    case dependency
    /// A condition of the unit does not hold.
    case skipped
    /// Not done when the caller's time was over; systemd goes on.
    case unfinished
    /// Any other result of org.freedesktop.systemd1(5): "canceled", "assert" and so on.
    case other(String)

    init(_ text: String) {
        switch text {
        case "done": self = .done
        case "failed": self = .failed
        case "timeout": self = .timedOut
        case "dependency": self = .dependency
        case "skipped": self = .skipped
        default: self = .other(String(text.prefix(60)))
        }
    }

    /// The result in words.
    public var description: String {
        switch self {
        case .done: "done"
        case .failed: "failed: the journal of the unit tells why"
        case .timedOut: "the unit's own time limit is over"
        case .dependency: "a unit that it needs failed"
        case .skipped: "a condition of the unit does not hold"
        case .unfinished: "not done in time; systemd goes on"
        case .other(let text): "the job ended as '\(text)'"
        }
    }
}

extension ServiceManager {
    /// What can be asked for a unit, in the words of systemctl(1).
    public enum Action: String, Sendable, CaseIterable {
        case start, stop, restart, reload
        case tryRestart = "try-restart"
        case reloadOrTryRestart = "try-reload-or-restart"

        var method: String {
            switch self {
            case .start: "StartUnit"
            case .stop: "StopUnit"
            case .restart: "RestartUnit"
            case .reload: "ReloadUnit"
            case .tryRestart: "TryRestartUnit"
            case .reloadOrTryRestart: "ReloadOrTryRestartUnit"
            }
        }
    }

    /// Asks for something and waits until its job is over, without a `systemctl` process.
    ///
    /// - Parameters:
    ///   - action: what is asked; a job that waits for the same unit is replaced.
    ///   - unit: the name of the unit, with its ending.
    ///   - timeout: how long all of it may take.
    /// - Throws: `SystemdError.refused` when there is no such unit, for example; `SystemdError.call` when systemd does
    ///   not answer in time.
    public mutating func perform(
        _ action: Action,
        unit: String,
        timeout: Duration = .seconds(90)
    ) throws(SystemdError) -> JobResult {
        let deadline = ContinuousClock.now.advanced(by: timeout)
        try subscribe(until: deadline)
        let reply = try bus.call(
            .manager(action.method),
            [.text(unit), .text("replace")],
            timeout: ContinuousClock.now.duration(to: deadline)
        )
        guard let job = reply.readText("o") else { return .other("unknown: the answer names no job") }
        let systemd = reply.sender
        while let message = try bus.next(until: deadline) {
            guard
                sd_bus_message_is_signal(message.pointer, "org.freedesktop.systemd1.Manager", "JobRemoved")
                    > 0,
                message.sender == systemd
            else { continue }
            // Job number, job path, unit, result.
            guard sd_bus_message_skip(message.pointer, "u") >= 0, message.readText("o") == job,
                sd_bus_message_skip(message.pointer, "s") >= 0, let result = message.readText("s")
            else { continue }
            return JobResult(result)
        }
        return .unfinished
    }

    /// Asks for something and does not wait for it: systemd goes on by itself.
    ///
    /// - Parameters:
    ///   - action: what is asked; a job that waits for the same unit is replaced.
    ///   - unit: the name of the unit, with its ending.
    ///   - timeout: how long systemd may take to accept it.
    /// - Throws: `SystemdError.refused` when there is no such unit, for example; `SystemdError.call` when systemd does
    ///   not answer in time.
    public func enqueue(
        _ action: Action,
        unit: String,
        timeout: Duration = .seconds(10)
    ) throws(SystemdError) {
        _ = try bus.call(.manager(action.method), [.text(unit), .text("replace")], timeout: timeout)
    }

    /// Forgets that a unit failed, and how often it was started of late (StartLimitBurst= of systemd.unit(5)).
    ///
    /// - Throws: `SystemdError.refused` when systemd does not know the unit.
    public func resetFailed(unit: String, timeout: Duration = .seconds(10)) throws(SystemdError) {
        _ = try bus.call(.manager("ResetFailedUnit"), [.text(unit)], timeout: timeout)
    }

    private mutating func subscribe(until deadline: ContinuousClock.Instant) throws(SystemdError) {
        guard !isSubscribed else { return }
        let rule =
            "type='signal',sender='org.freedesktop.systemd1',path='/org/freedesktop/systemd1',"
            + "interface='org.freedesktop.systemd1.Manager',member='JobRemoved'"
        _ = try bus.call(
            .bus("AddMatch"),
            [.text(rule)],
            timeout: ContinuousClock.now.duration(to: deadline)
        )
        // Without subscribers systemd sends no signals.
        _ = try bus.call(.manager("Subscribe"), timeout: ContinuousClock.now.duration(to: deadline))
        isSubscribed = true
    }
}
