import HostAPI
import Systemd

/// All that is known of one container: its settings, the file of its supervisor, its unit.
struct ContainerFinding: Sendable {
    /// What a status file told.
    enum File: Sendable, Equatable {
        case none
        case status(HostContainerStatus)
        /// It is there and can't be read, for the reason given.
        case damaged(String)
    }

    var name: String
    var kind: HostContainerStatus.Kind
    /// Nil for a container that was taken out of the settings.
    var wish: ContainerWish?
    var file = File.none
    /// Nil where systemd does not know the unit, or was not asked.
    var unit: ServiceState?
    /// Whether systemd could be asked; without, the file is believed.
    var knowsUnits = true
    /// How often systemd has started the unit again; nil when that is not known.
    var restarts: UInt32?

    private typealias State = HostContainerStatus.State
    private static let alive: Set<State> = [.pulling, .importing, .starting, .running, .stopping]

    /// What a client is told.
    ///
    /// - Parameter time: since when a state counts that no supervisor wrote down.
    /// - Returns: nil for a container that is neither in the settings nor running.
    func status(time: Timestamp) -> HostContainerStatus? {
        var known: HostContainerStatus?
        var problem: String?
        switch file {
        case .none: break
        case .status(let status): known = status
        case .damaged(let reason):
            problem = "\(reason); it is written anew when the container's state changes"
        }
        guard wish != nil || known != nil else { return nil }
        var state = state(known?.state)
        // What went wrong is no state of a container that shall not run; 'last_error' keeps it.
        if kind == .host, wish?.desired == .stopped, state.value == .failed { state.value = .stopped }
        if wish == nil, !Self.alive.contains(state.value) { return nil }
        let source = wish?.source ?? known?.image.source ?? ""
        return HostContainerStatus(
            name: name,
            kind: kind,
            desired: wish?.desired ?? .stopped,
            state: state.value,
            image: .init(
                source: source,
                // The digest of the image that ran is none of the one that was set since.
                digest: known?.image.source == source ? known?.image.digest : nil
            ),
            since: state.value == known?.state ? known?.since ?? time : time,
            restarts: max(restarts ?? 0, known?.restarts ?? 0),
            lastError: problem ?? state.error ?? known?.lastError,
            progress: state.value == known?.state ? known?.progress : nil
        )
    }

    /// What the container does: what its supervisor wrote down, as far as its unit bears that out.
    private func state(_ written: State?) -> (value: State, error: String?) {
        guard knowsUnits else { return (written ?? .stopped, nil) }
        // Between two attempts a unit is "activating", too.
        let isPausing = unit?.sub.hasPrefix("auto-restart") ?? false
        switch unit?.active {
        case "deactivating": return (.stopping, nil)
        case "active" where !isPausing, "reloading":
            return (written.flatMap { Self.alive.contains($0) ? $0 : nil } ?? .running, nil)
        case "activating" where !isPausing:
            return (written.flatMap { Self.alive.contains($0) ? $0 : nil } ?? .starting, nil)
        default:
            if let written, !Self.alive.contains(written) { return (written, nil) }
            let ended = "its supervisor ended before the container did: see the journal of its unit"
            if isPausing || unit?.active == "failed" { return (.failed, ended) }
            return (.stopped, nil)
        }
    }
}
