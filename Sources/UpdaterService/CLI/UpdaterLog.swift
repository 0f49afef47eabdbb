import HostAPIServer
import Logging

/// The log of the service.
enum UpdaterLog {
    static var logger: Logger { Logger(label: "updater") { _ in HostLogHandler(program: "updater") } }
}
