internal import CSystemd

/// A connection to systemd, PID 1, over the system bus (org.freedesktop.systemd1(5)).
///
/// Its calls block; the value is owned by one task at a time.
public struct ServiceManager: ~Copyable {
    /// Bound on what one reply may list, far above what a host has.
    static let maximumUnits = 10_000

    let bus: Bus
    /// Whether systemd sends its signals to this connection.
    var isSubscribed = false

    /// Connects to the system bus.
    ///
    /// - Throws: `SystemdError.connect` when no bus answers.
    public init() throws(SystemdError) { bus = try Bus.system() }

    /// Connects to a bus at an address, for tests and containers.
    ///
    /// - Parameter address: as in DBUS_SYSTEM_BUS_ADDRESS, such as `unix:path=/run/dbus/system_bus_socket`.
    /// - Throws: `SystemdError.connect` when no bus answers.
    public init(address: String) throws(SystemdError) { bus = try Bus.at(address) }

    /// The names of all units in a state, such as "failed", sorted.
    ///
    /// - Parameters:
    ///   - state: an active, load or sub state as `systemctl list-units --state=` takes it.
    ///   - timeout: how long the answer may take, in seconds.
    /// - Throws: `SystemdError` when systemd does not answer in time or refuses.
    public func units(inState state: String, timeout: UInt64 = 10) throws(SystemdError) -> [String] {
        let method = BusMethod.manager("ListUnitsFiltered")
        let reply = try bus.call(
            method,
            [.texts([state])],
            timeout: .seconds(Int64(clamping: timeout))
        )
        // Each unit is a structure that begins with its name; the rest of it is skipped.
        let structure = "ssssssouso"
        var names: [String] = []
        try check(
            sd_bus_message_enter_container(reply.pointer, CChar(UInt8(ascii: "a")), "(\(structure))"),
            method
        )
        while names.count < Self.maximumUnits {
            let entered = sd_bus_message_enter_container(reply.pointer, CChar(UInt8(ascii: "r")), structure)
            try check(entered, method)
            if entered == 0 { break }
            if let name = reply.readText("s") { names.append(name) }
            try check(sd_bus_message_skip(reply.pointer, "sssssouso"), method)
            try check(sd_bus_message_exit_container(reply.pointer), method)
        }
        return names.sorted()
    }

    func check(_ result: Int32, _ method: BusMethod) throws(SystemdError) {
        if result < 0 { throw .call(method: method.name, errno: -result) }
    }
}
