import Glibc

/// Why systemd could not be asked or told something.
public enum SystemdError: Error, Equatable, CustomStringConvertible {
    /// The system bus did not answer.
    case connect(errno: Int32)
    /// A method call failed or took too long.
    case call(method: String, errno: Int32)
    /// The other side answered with an error: its D-Bus name and text.
    case refused(method: String, error: String, message: String)
    /// A state could not be sent to the service manager.
    case notify(errno: Int32)
    /// What the service manager handed over in LISTEN_FDS can't be read.
    case activation(errno: Int32)
    /// A descriptor that was handed over is not the socket that was expected.
    case wrongSocket(descriptor: Int32, expected: String)
    /// A message did not reach the journal.
    case journal(errno: Int32)
    /// A name that the journal does not take for a field.
    case journalField(String)

    /// What failed and what to look at.
    public var description: String {
        switch self {
        case .connect(let errno):
            "cannot connect to the system bus: \(Self.text(errno)); is dbus-broker.service running?"
        case .call(let method, let errno):
            "systemd did not answer \(method): \(Self.text(errno))"
        case .refused(let method, let error, let message):
            "\(method) was refused: \(message.isEmpty ? error : message) (\(error))"
        case .notify(let errno):
            "cannot tell the service manager at NOTIFY_SOCKET: \(Self.text(errno))"
        case .activation(let errno):
            "cannot read the sockets of LISTEN_FDS: \(Self.text(errno)); start this through its .socket unit"
        case .wrongSocket(let descriptor, let expected):
            "descriptor \(descriptor), handed over by the service manager, is not \(expected): mend the .socket unit"
        case .journal(let errno):
            "cannot write to the journal: \(Self.text(errno)); is systemd-journald.service running?"
        case .journalField(let name):
            "'\(name)' is no name of a journal field: 1 to 64 of A-Z, 0-9 and '_', a letter first"
        }
    }

    private static func text(_ errno: Int32) -> String { String(cString: strerror(errno)) }
}
