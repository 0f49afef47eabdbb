import HostAPI
import SettingsStore

extension Problem {
    /// The problem of a store that could not do what was asked, with the status that the route table declares.
    init(_ error: StoreError) {
        let status =
            switch error {
            case .invalidTransactionName, .strongToWeak: 400
            case .noSuchGeneration: 404
            case .tooMuch, .notOnTrial: 409
            case .nothingPending: 422
            case .io, .unreadable: 500
            }
        self.init(status: status, detail: error.description)
    }

    /// The problem of a change while settings can't be changed.
    static let lockedDown = Problem(
        status: 423,
        detail: "the host is locked down: settings can't be changed until it reboots (POST /actions/reboot)"
    )
}

/// What the update operations answer as long as this OS has no updater; its work replaces this file.
enum UpdatesUnavailable {
    /// For commands: the state of the updater does not allow them.
    static let command = Problem(
        status: 409,
        detail: "this host has no updater: replace the host to update it"
    )
    /// For the status, as before the first look for updates.
    static let status = Problem(
        status: 404,
        detail: "nobody has looked for updates: this host has no updater"
    )
}
