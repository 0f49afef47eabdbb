internal import CSystemd
import Glibc

/// A connection to systemd, PID 1, over the system bus (org.freedesktop.systemd1(5)).
///
/// The only Swift owner of libsystemd's sd-bus(3) handles.
public struct ServiceManager: ~Copyable {
    private static let service = "org.freedesktop.systemd1"
    private static let path = "/org/freedesktop/systemd1"
    private static let interface = "org.freedesktop.systemd1.Manager"
    /// Bound on what one reply may list, far above what a host has.
    private static let maximumUnits = 10_000

    private let bus: OpaquePointer

    /// Connects to the system bus.
    ///
    /// - Throws: `SystemdError.connect` when no bus answers.
    public init() throws(SystemdError) {
        var bus: OpaquePointer?
        let result = sd_bus_open_system(&bus)
        guard result >= 0, let bus else { throw .connect(errno: -result) }
        self.bus = bus
    }

    deinit {
        sd_bus_flush_close_unref(bus)
    }

    /// The names of all units in a state, such as "failed", sorted.
    ///
    /// - Parameters:
    ///   - state: an active, load or sub state as `systemctl list-units --state=` takes it.
    ///   - timeout: how long the answer may take, in seconds.
    /// - Throws: `SystemdError.call` when systemd does not answer in time or refuses.
    public func units(inState state: String, timeout: UInt64 = 10) throws(SystemdError) -> [String] {
        let method = "ListUnitsFiltered"
        var request: OpaquePointer?
        try check(
            sd_bus_message_new_method_call(bus, &request, Self.service, Self.path, Self.interface, method),
            method
        )
        defer { sd_bus_message_unref(request) }
        try check(sd_bus_message_open_container(request, CChar(UInt8(ascii: "a")), "s"), method)
        let appended = state.withCString {
            sd_bus_message_append_basic(request, CChar(UInt8(ascii: "s")), $0)
        }
        try check(appended, method)
        try check(sd_bus_message_close_container(request), method)

        var reply: OpaquePointer?
        try check(sd_bus_call(bus, request, timeout * 1_000_000, nil, &reply), method)
        defer { sd_bus_message_unref(reply) }
        // Each unit is a structure that begins with its name; the rest of it is skipped.
        let structure = "ssssssouso"
        var names: [String] = []
        try check(sd_bus_message_enter_container(reply, CChar(UInt8(ascii: "a")), "(\(structure))"), method)
        while names.count < Self.maximumUnits {
            let entered = sd_bus_message_enter_container(reply, CChar(UInt8(ascii: "r")), structure)
            try check(entered, method)
            if entered == 0 { break }
            var name: UnsafePointer<CChar>?
            try check(sd_bus_message_read_basic(reply, CChar(UInt8(ascii: "s")), &name), method)
            if let name { names.append(String(cString: name)) }
            try check(sd_bus_message_skip(reply, "sssssouso"), method)
            try check(sd_bus_message_exit_container(reply), method)
        }
        return names.sorted()
    }

    private func check(_ result: Int32, _ method: String) throws(SystemdError) {
        if result < 0 { throw .call(method: method, errno: -result) }
    }
}
