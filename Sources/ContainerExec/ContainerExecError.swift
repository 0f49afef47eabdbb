import HostAPI

/// Why a command in a container was not started, or was lost.
public enum ContainerExecError: Error, Equatable, CustomStringConvertible {
    /// No container of this name runs.
    case unknownTarget(String)
    /// The container runs, but the command was not started in it.
    case notStarted(target: String, reason: String)
    /// The command was started, and then nothing more could be learned of it.
    case lost(target: String, reason: String)
    /// The container runtime does not answer.
    case unavailable(reason: String)
    /// The FIFOs for input and output could not be made.
    case streams(path: String, reason: String)

    /// What is wrong, with what value, and what to do.
    public var description: String {
        switch self {
        case .unknownTarget(let target):
            "no host container '\(target)' is running: GET /host-containers tells which are"
        case .notStarted(let target, let reason):
            "the command was not started in the container '\(target)': \(reason)"
        case .lost(let target, let reason):
            "the command in the container '\(target)' was lost, it may still run: \(reason)"
        case .unavailable(let reason):
            "the runtime of host containers does not answer: \(reason); look at host-containerd.service"
        case .streams(let path, let reason): "no stream could be made at '\(path)': \(reason)"
        }
    }

    /// The problem that a client is told.
    var problem: Problem {
        let status =
            switch self {
            case .unknownTarget: 404
            case .notStarted: 422
            case .lost, .streams: 500
            case .unavailable: 503
            }
        return Problem(status: status, detail: description)
    }
}
