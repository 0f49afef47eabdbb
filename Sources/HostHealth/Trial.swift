import Systemd

/// Whether the boot entry in use is on trial, and how that goes.
///
/// systemd-boot sets the EFI variable LoaderBootCountPath when it starts an entry with a counter
/// (systemd-bless-boot.service(8)).
public enum Trial: Sendable, Equatable, CustomStringConvertible {
    /// The entry carries no counter: it is known to be good.
    case none
    /// The entry is on trial and boot-complete.target has not been reached.
    case undecided
    /// The entry was on trial when it was started, and boot-complete.target was reached.
    case passed
    /// The service manager cannot be asked; the entry is on trial.
    case unknown(String)

    private static let variable =
        "/sys/firmware/efi/efivars/LoaderBootCountPath-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"

    /// The path of the entry on trial in the ESP, with the counter that this start left it; nil without a trial.
    public static func entry(on host: HostFiles) -> String? {
        // Four bytes of attributes, then UTF-16 with a zero behind it (efivarfs(5), Boot Loader Interface).
        guard let bytes = host.readBytes(variable), bytes.count > 4, bytes.count.isMultiple(of: 2) else {
            return nil
        }
        let units = stride(from: 4, to: bytes.count, by: 2).map {
            UInt16(bytes[$0]) | UInt16(bytes[$0 + 1]) << 8
        }
        let path = String(decoding: units.prefix { $0 != 0 }, as: UTF16.self)
        return String(path.map { $0 == "\\" ? "/" : $0 })
    }

    /// How the running boot stands.
    public static func current(on host: HostFiles) -> Trial {
        current(on: host) { try ServiceManager().units(inState: "active") }
    }

    /// How a boot stands, with another source for the names of the active units.
    static func current(on host: HostFiles, activeUnits: () throws -> [String]) -> Trial {
        guard host.exists(variable) else { return .none }
        do {
            return try activeUnits().contains("boot-complete.target") ? .passed : .undecided
        } catch {
            return .unknown("\(error)")
        }
    }

    /// Whether the version has still to prove itself; what cannot be known has not been proven.
    public var isUndecided: Bool {
        switch self {
        case .none, .passed: false
        case .undecided, .unknown: true
        }
    }

    /// A line for the log.
    public var description: String {
        switch self {
        case .none: "this boot is not on trial"
        case .undecided: "this boot is on trial and has not completed"
        case .passed: "this boot was on trial and has completed"
        case .unknown(let reason): "this boot is on trial, and whether it has completed is unknown: \(reason)"
        }
    }
}
