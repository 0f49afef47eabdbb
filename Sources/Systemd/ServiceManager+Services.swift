internal import CSystemd
import Glibc

/// What systemd says of one service.
public struct ServiceState: Sendable, Equatable {
    /// The name of the unit, with its ending.
    public var unit: String
    /// The active state, in the words of org.freedesktop.systemd1(5): "active", "activating", "failed" and so on.
    public var active: String
    /// The sub state: "running", "start-pre", "auto-restart" and so on.
    public var sub: String

    /// A state.
    public init(unit: String, active: String, sub: String) {
        self.unit = unit
        self.active = active
        self.sub = sub
    }
}

extension ServiceManager {
    /// The states of the loaded units whose names have one of some patterns, sorted by name.
    ///
    /// - Parameters:
    ///   - patterns: names with wildcards, as `systemctl list-units` takes them.
    ///   - timeout: how long the answer may take.
    /// - Throws: `SystemdError` when systemd does not answer in time or refuses.
    public func states(
        ofUnits patterns: [String],
        timeout: Duration = .seconds(10)
    ) throws(SystemdError) -> [ServiceState] {
        let method = BusMethod.manager("ListUnitsByPatterns")
        let reply = try bus.call(method, [.texts([]), .texts(patterns)], timeout: timeout)
        // Name, description, load state, active state, sub state; the rest of each structure is skipped.
        let structure = "ssssssouso"
        var states: [ServiceState] = []
        try check(
            sd_bus_message_enter_container(reply.pointer, CChar(UInt8(ascii: "a")), "(\(structure))"),
            method
        )
        while states.count < Self.maximumUnits {
            let entered = sd_bus_message_enter_container(reply.pointer, CChar(UInt8(ascii: "r")), structure)
            try check(entered, method)
            if entered == 0 { break }
            var texts: [String] = []
            for _ in 0..<5 { texts.append(reply.readText("s") ?? "") }
            states.append(ServiceState(unit: texts[0], active: texts[3], sub: texts[4]))
            try check(sd_bus_message_skip(reply.pointer, "souso"), method)
            try check(sd_bus_message_exit_container(reply.pointer), method)
        }
        return states.sorted { $0.unit < $1.unit }
    }

    /// How often systemd has started a service again by its `Restart=` (the property NRestarts of
    /// org.freedesktop.systemd1(5)).
    ///
    /// - Parameters:
    ///   - service: the name of a service unit, with its ending.
    ///   - timeout: how long the answer may take.
    /// - Throws: `SystemdError.refused` for units that are not services; `SystemdError.call` when systemd does not
    ///   answer in time.
    public func restarts(of service: String, timeout: Duration = .seconds(10)) throws(SystemdError) -> UInt32
    {
        let reply = try property("NRestarts", of: service, timeout: timeout)
        var number: UInt32 = 0
        let entered = sd_bus_message_enter_container(reply.pointer, CChar(UInt8(ascii: "v")), "u")
        guard entered > 0, sd_bus_message_read_basic(reply.pointer, CChar(UInt8(ascii: "u")), &number) > 0
        else {
            throw .call(method: "Get", errno: entered < 0 ? -entered : EBADMSG)
        }
        return number
    }
}
