import Foundation
import Testing

/// A message bus of a test's own, dbus-daemon(1), on which a Python program plays systemd and logind.
///
/// Units decide by their names what happens: `good`, `broken`, `slow`, `quiet` and others; `down` has failed.
public final class PrivateBus {
    /// Where it listens, as sd-bus and others take it.
    public let address: String
    private let folder: TemporaryDirectory
    private let daemon = Process()
    private let services = Process()

    /// Starts both.
    ///
    /// - Parameters:
    ///   - login: how logind answers: "yes", "inhibited", or "absent".
    ///   - units: the units that are listed in a state.
    public init(
        login: String = "absent",
        units: [String: [String]] = ["failed": ["down.service", "a.service"]]
    ) throws {
        folder = try TemporaryDirectory()
        address = "unix:path=\(folder.file("bus"))"
        let configuration = """
            <busconfig><type>session</type><listen>\(address)</listen><auth>EXTERNAL</auth>
            <policy context="default"><allow send_destination="*"/><allow own="*"/><allow receive_sender="*"/></policy>
            </busconfig>
            """
        try Data(configuration.utf8).write(to: folder.url.appending(path: "bus.conf"))
        try Data(Self.program.utf8).write(to: folder.url.appending(path: "services.py"))
        // It complains about limits that only a daemon of the system may raise.
        daemon.standardError = FileHandle.nullDevice
        try Self.start(
            daemon,
            "dbus-daemon",
            ["--config-file=\(folder.file("bus.conf"))", "--nofork", "--print-address"]
        )
        // Debian's Python has the modules that python3-dbus and python3-gi bring.
        try Self.start(
            services,
            "/usr/bin/python3",
            [folder.file("services.py"), address, login, folder.file("calls")]
                + units.flatMap { state, names in names.map { "\(state)=\($0)" } }
        )
    }

    deinit {
        for process in [services, daemon] where process.isRunning {
            // Not SIGTERM: started from a thread of Dispatch, they inherit that it is blocked.
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
    }

    /// The calls so far, one a line: method and arguments.
    public var calls: [String] {
        let text = (try? String(contentsOfFile: folder.file("calls"), encoding: .utf8)) ?? ""
        return text.split(separator: "\n").map(String.init)
    }

    /// Starts a program and waits for its first output, which says that it is ready.
    private static func start(_ process: Process, _ program: String, _ arguments: [String]) throws {
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [program] + arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardInput = FileHandle.nullDevice
        try process.run()
        // Or the end of a program that fails would never be seen.
        try output.fileHandleForWriting.close()
        try #require(!output.fileHandleForReading.availableData.isEmpty, "\(program) did not start")
    }

    private static let program = #"""
        import sys
        import dbus
        import dbus.bus
        from dbus.lowlevel import (ErrorMessage, HANDLER_RESULT_HANDLED, HANDLER_RESULT_NOT_YET_HANDLED,
                                   MethodCallMessage, MethodReturnMessage, SignalMessage)
        from dbus.mainloop.glib import DBusGMainLoop
        from gi.repository import GLib

        address, login, log, *listed = sys.argv[1:]
        DBusGMainLoop(set_as_default=True)
        bus = dbus.bus.BusConnection(address)
        systemd = "org.freedesktop.systemd1"
        logind = "org.freedesktop.login1"
        results = {"good.service": "done", "reboot.target": "done", "broken.service": "failed",
                   "needy.service": "dependency", "down.service": "done", "odd.service": "canceled", "slow.service": None}
        number = 0


        def answer(message, signature="", *values):
            reply = MethodReturnMessage(message)
            reply.append(*values, signature=signature)
            bus.send_message(reply)


        def removed(*values):
            signal = SignalMessage("/org/freedesktop/systemd1", systemd + ".Manager", "JobRemoved")
            signal.append(*values, signature="uoss")
            bus.send_message(signal)


        def work(message, unit):
            # Of a template, the instance decides.
            unit = unit.split("@")[-1]
            global number
            if unit == "quiet.service":
                return
            if unit not in results:
                bus.send_message(ErrorMessage(message, systemd + ".NoSuchUnit", f"Unit {unit} not found."))
                return
            number += 1
            job = f"/org/freedesktop/systemd1/job/{number}"
            answer(message, "o", job)
            # First the end of another job, which must not be mistaken for this one.
            removed(number + 1, "/org/freedesktop/systemd1/job/other", unit, "timeout")
            if results[unit]:
                GLib.timeout_add(20, lambda: removed(number, job, unit, results[unit]))


        def handle(connection, message):
            if not isinstance(message, MethodCallMessage):
                return HANDLER_RESULT_NOT_YET_HANDLED
            if message.get_member() == "Get" and message.get_path().endswith("/unit/down_2eservice"):
                answer(message, "v", "exit-code")
                return HANDLER_RESULT_HANDLED
            if message.get_member() == "Get" and message.get_path().endswith("/unit/host_2dcontainer_40admin_2eservice"):
                answer(message, "v", dbus.UInt32(7))
                return HANDLER_RESULT_HANDLED
            if not message.get_interface().endswith("1.Manager"):
                return HANDLER_RESULT_NOT_YET_HANDLED
            method, arguments = message.get_member(), message.get_args_list()
            with open(log, "a") as file:
                print(method, *(a if isinstance(a, str) else " ".join(a) if isinstance(a, list) else int(a)
                                for a in arguments), file=file)
            if method in ("Subscribe", "ResetFailedUnit"):
                answer(message)
            elif method == "ListUnitsFiltered":
                names = [u.split("=")[1] for u in listed if u.split("=")[0] in arguments[0]]
                units = dbus.Array([(n, "d", "loaded", "failed", "x", "", "/u", 0, "", "/") for n in names],
                                   signature="(ssssssouso)")
                answer(message, "a(ssssssouso)", units)
            elif method == "ListUnitsByPatterns":
                units = [(n, "d", "loaded", a, s, "", "/u", 0, "", "/") for n, a, s in
                         (("host-container@b.service", "failed", "failed"),
                          ("host-container@admin.service", "activating", "auto-restart"))]
                answer(message, "a(ssssssouso)", units)
            elif method == "RebootWithFlags" and login == "inhibited":
                text = "Operation inhibited by 'backup'"
                bus.send_message(ErrorMessage(message, logind + ".BlockedByInhibitorLock", text))
            elif method == "RebootWithFlags":
                answer(message)
            else:
                work(message, arguments[0])
            return HANDLER_RESULT_HANDLED


        bus.add_message_filter(handle)
        bus.request_name(systemd)
        if login != "absent":
            bus.request_name(logind)
        print("ready", flush=True)
        GLib.MainLoop().run()
        """#
}
