internal import CSystemd
import Glibc

extension ServiceManager {
    /// How a service ended, in the words of org.freedesktop.systemd1(5): "success", "exit-code", "timeout" and so on.
    ///
    /// - Parameters:
    ///   - service: the name of a service unit, with its ending.
    ///   - timeout: how long the answer may take.
    /// - Throws: `SystemdError.refused` for units that are not services; `SystemdError.call` when systemd does not
    ///   answer in time.
    public func result(of service: String, timeout: Duration = .seconds(10)) throws(SystemdError) -> String {
        let reply = try property("Result", of: service, timeout: timeout)
        let entered = sd_bus_message_enter_container(reply.pointer, CChar(UInt8(ascii: "v")), "s")
        guard entered > 0, let text = reply.readText("s") else {
            throw .call(method: "Get", errno: entered < 0 ? -entered : EBADMSG)
        }
        return String(text.prefix(60))
    }

    /// Asks for a property of a service; the answer holds one variant.
    func property(_ name: String, of service: String, timeout: Duration) throws(SystemdError) -> BusMessage {
        var method = BusMethod(
            service: "org.freedesktop.systemd1",
            path: "",
            interface: "org.freedesktop.DBus.Properties",
            name: "Get"
        )
        var path: UnsafeMutablePointer<CChar>?
        let encoded = sd_bus_path_encode("/org/freedesktop/systemd1/unit", service, &path)
        guard encoded >= 0, let path else { throw .call(method: method.name, errno: -encoded) }
        method.path = String(cString: path)
        free(path)
        return try bus.call(
            method,
            [.text("org.freedesktop.systemd1.Service"), .text(name)],
            timeout: timeout
        )
    }
}
