internal import CSystemd
import Glibc

/// A message of sd-bus(3), released with the value.
struct BusMessage: ~Copyable {
    let pointer: OpaquePointer

    init(_ pointer: OpaquePointer) { self.pointer = pointer }

    deinit { sd_bus_message_unref(pointer) }

    /// Who sent it: a unique name on the bus, such as ":1.0".
    var sender: String? { sd_bus_message_get_sender(pointer).map { String(cString: $0) } }

    /// The next value, a text or an object path; nil if it is of another type.
    func readText(_ type: Unicode.Scalar) -> String? {
        var text: UnsafePointer<CChar>?
        guard sd_bus_message_read_basic(pointer, CChar(UInt8(ascii: type)), &text) > 0, let text else {
            return nil
        }
        return String(cString: text)
    }
}

/// What is called: a method of an object of a service.
struct BusMethod {
    var service: String
    var path: String
    var interface: String
    var name: String

    static func manager(_ name: String) -> BusMethod {
        BusMethod(
            service: "org.freedesktop.systemd1",
            path: "/org/freedesktop/systemd1",
            interface: "org.freedesktop.systemd1.Manager",
            name: name
        )
    }

    static func login(_ name: String) -> BusMethod {
        BusMethod(
            service: "org.freedesktop.login1",
            path: "/org/freedesktop/login1",
            interface: "org.freedesktop.login1.Manager",
            name: name
        )
    }

    static func bus(_ name: String) -> BusMethod {
        BusMethod(
            service: "org.freedesktop.DBus",
            path: "/org/freedesktop/DBus",
            interface: "org.freedesktop.DBus",
            name: name
        )
    }
}

/// An argument of a method.
enum BusArgument {
    case text(String)
    case texts([String])
    case number(UInt64)

    /// Adds the argument to a request; below zero is an error of errno(3).
    func append(to request: borrowing BusMessage) -> Int32 {
        let pointer = request.pointer
        switch self {
        case .text(let text):
            return text.withCString { sd_bus_message_append_basic(pointer, CChar(UInt8(ascii: "s")), $0) }
        case .number(let number):
            return withUnsafePointer(to: number) {
                sd_bus_message_append_basic(pointer, CChar(UInt8(ascii: "t")), $0)
            }
        case .texts(let texts):
            let opened = sd_bus_message_open_container(pointer, CChar(UInt8(ascii: "a")), "s")
            guard opened >= 0 else { return opened }
            for text in texts {
                let appended = BusArgument.text(text).append(to: request)
                guard appended >= 0 else { return appended }
            }
            return sd_bus_message_close_container(pointer)
        }
    }
}

/// A connection to a message bus, closed with the value.
struct Bus: ~Copyable {
    let pointer: OpaquePointer

    init(_ pointer: OpaquePointer) { self.pointer = pointer }

    // All calls wait for their replies, so nothing is left to be flushed; flushing could block.
    deinit { sd_bus_close_unref(pointer) }

    /// Connects to the system bus.
    static func system() throws(SystemdError) -> Bus {
        var bus: OpaquePointer?
        let result = sd_bus_open_system(&bus)
        guard result >= 0, let bus else { throw .connect(errno: -result) }
        return Bus(bus)
    }

    /// Connects to a bus at an address, such as `unix:path=/run/bus`.
    static func at(_ address: String) throws(SystemdError) -> Bus {
        var pointer: OpaquePointer?
        let made = sd_bus_new(&pointer)
        guard made >= 0, let pointer else { throw .connect(errno: -made) }
        let bus = Bus(pointer)
        for step in [
            { sd_bus_set_address(pointer, address) }, { sd_bus_set_bus_client(pointer, 1) },
            { sd_bus_start(pointer) },
        ] {
            let result = step()
            guard result >= 0 else { throw .connect(errno: -result) }
        }
        return bus
    }

    /// Calls a method and waits for the answer.
    ///
    /// - Throws: `SystemdError.refused` with the other side's error, `SystemdError.call` when none came in time.
    func call(
        _ method: BusMethod,
        _ arguments: [BusArgument] = [],
        timeout: Duration
    ) throws(SystemdError) -> BusMessage {
        var pointer: OpaquePointer?
        let made = sd_bus_message_new_method_call(
            self.pointer,
            &pointer,
            method.service,
            method.path,
            method.interface,
            method.name
        )
        guard made >= 0, let pointer else { throw .call(method: method.name, errno: -made) }
        let request = BusMessage(pointer)
        for argument in arguments {
            let appended = argument.append(to: request)
            guard appended >= 0 else { throw .call(method: method.name, errno: -appended) }
        }
        var error = sd_bus_error()
        defer { sd_bus_error_free(&error) }
        var reply: OpaquePointer?
        // Zero would mean sd-bus' own limit.
        let result = sd_bus_call(
            self.pointer,
            request.pointer,
            max(timeout.microseconds, 1),
            &error,
            &reply
        )
        guard result >= 0, let reply else {
            // sd-bus makes errors of its own, such as a time-out, look like answers.
            if let name = error.name.map({ String(cString: $0) }), result != -ETIMEDOUT {
                let message = error.message.map { String(cString: $0) } ?? ""
                throw .refused(method: method.name, error: name, message: message)
            }
            throw .call(method: method.name, errno: -result)
        }
        return BusMessage(reply)
    }

    /// The next message that came in by itself; nil if there was none until the deadline.
    func next(until deadline: ContinuousClock.Instant) throws(SystemdError) -> BusMessage? {
        while true {
            var message: OpaquePointer?
            let processed = sd_bus_process(pointer, &message)
            guard processed >= 0 else { throw .connect(errno: -processed) }
            if let message { return BusMessage(message) }
            let rest = ContinuousClock.now.duration(to: deadline)
            guard rest > .zero else { return nil }
            if processed > 0 { continue }
            let waited = sd_bus_wait(pointer, rest.microseconds)
            guard waited >= 0 || waited == -EINTR else { throw .connect(errno: -waited) }
        }
    }
}
