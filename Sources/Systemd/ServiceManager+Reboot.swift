internal import CSystemd
import Glibc

extension ServiceManager {
    /// Reboots the host: through logind, which asks programs that hold inhibitors, else by systemd's reboot.target.
    ///
    /// Returns when the reboot is accepted.
    ///
    /// - Throws: `SystemdError.refused` when a program inhibits it.
    public mutating func reboot(timeout: Duration = .seconds(30)) throws(SystemdError) {
        // SD_LOGIND_ROOT_CHECK_INHIBITORS of org.freedesktop.login1(5): root, too, is held by inhibitors.
        let flags: UInt64 = 1
        do throws(SystemdError) {
            _ = try bus.call(.login("RebootWithFlags"), [.number(flags)], timeout: timeout)
        } catch {
            guard error.saysNobodyAnswers else { throw error }
            _ = try bus.call(
                .manager("StartUnit"),
                [.text("reboot.target"), .text("replace-irreversibly")],
                timeout: timeout
            )
        }
    }
}

extension SystemdError {
    /// Whether there is no service that could have answered, or it hangs.
    fileprivate var saysNobodyAnswers: Bool {
        switch self {
        case .refused(_, let error, _):
            [
                "org.freedesktop.DBus.Error.ServiceUnknown", "org.freedesktop.DBus.Error.NameHasNoOwner",
                "org.freedesktop.DBus.Error.UnknownMethod", "org.freedesktop.DBus.Error.NoReply",
                "org.freedesktop.systemd1.NoSuchUnit", "org.freedesktop.systemd1.UnitMasked",
            ].contains(error) || error.hasPrefix("org.freedesktop.DBus.Error.Spawn.")
        case .call(_, let errno): errno == ETIMEDOUT
        default: false
        }
    }
}
