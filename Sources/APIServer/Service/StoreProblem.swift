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
