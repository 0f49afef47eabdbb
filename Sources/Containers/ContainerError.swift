public import GRPCClient
public import OCI

/// Why containerd did not do what it was asked.
public enum ContainerError: Error, Equatable, CustomStringConvertible {
    /// A call failed.
    case call(String, GRPCError)
    /// Nobody answers at containerd's socket, or it went away in the middle.
    case unavailable(String, reason: String)
    /// An answer cannot be understood.
    case badAnswer(String, reason: String)
    /// The archive is none of an image.
    case notAnImage(String, reason: String)
    /// Bytes of the archive are missing or others than its digests say.
    case damagedImage(String, reason: String)
    /// The archive has no image for this machine.
    case otherArchitecture(String, wanted: String)
    /// The archive has another image than was asked for.
    case otherImage(String, wanted: ContentDigest, found: ContentDigest)
    /// Whoever makes the archive failed.
    case source(String, reason: String)
    /// The disk is full.
    case diskFull(String, reason: String)
    /// What is to be made is already there.
    case exists(String)
    /// There is no such container.
    case noContainer(String)
    /// A process that was asked for does not run, or no longer.
    case notRunning(container: String, exec: String?)
    /// A program does not exist in the container or cannot be run there.
    case cannotRun(program: String, container: String, reason: String)
    /// A value that was given cannot be used.
    case invalid(String, reason: String)
    /// A process could not be started, nor could what there may be of it be removed: it may run.
    case mayRun(container: String, exec: String, reason: String)
    /// A process did not end although it was killed.
    case doesNotEnd(container: String, limit: Duration)

    /// What is wrong, with what value, and what to do.
    public var description: String {
        switch self {
        case .call(let what, let error): "containerd failed to \(what): \(error)"
        case .unavailable(let what, let reason):
            "containerd cannot be reached to \(what): \(reason); see the state and the journal of its service"
        case .badAnswer(let what, let reason):
            "containerd's answer to '\(what)' cannot be used: \(reason); is it another version than the image's?"
        case .notAnImage(let name, let reason):
            "what was given as image '\(name)' is no OCI archive: \(reason); check its source"
        case .damagedImage(let name, let reason):
            "the archive of image '\(name)' is damaged: \(reason); fetch it again"
        case .otherArchitecture(let name, let wanted):
            "image '\(name)' is not for this machine, which needs \(wanted); take an image that has it"
        case .otherImage(let name, let wanted, let found):
            "image '\(name)' should have the manifest \(wanted) but has \(found); check its source"
        case .source(let name, let reason): "image '\(name)' cannot be read to its end: \(reason)"
        case .diskFull(let what, let reason):
            "the disk is full, so that containerd can't \(what): \(reason); remove images or data"
        case .exists(let what): "\(what) exists already; remove it first"
        case .noContainer(let id): "there is no container '\(id)'; is it enabled and started?"
        case .notRunning(let container, nil): "container '\(container)' does not run; start it first"
        case .notRunning(let container, let exec?):
            "process '\(exec)' in container '\(container)' does not run"
        case .cannotRun(let program, let container, let reason):
            "'\(program)' cannot be run in container '\(container)': \(reason); check its path and mode there"
        case .invalid(let what, let reason): "\(what) cannot be used: \(reason)"
        case .mayRun(let container, let exec, let reason):
            "process '\(exec)' in container '\(container)' may run although it could not be started: \(reason)"
        case .doesNotEnd(let container, let limit):
            "container '\(container)' was killed but has not ended within \(limit); see what its processes wait for"
        }
    }
}

extension ContainerError {
    /// The error of a call as one that tells its cause, as far as containerd's message does.
    ///
    /// - Parameter what: what was to be done, as it follows "containerd failed to".
    init(_ error: GRPCError, _ what: String) {
        switch error {
        case .unavailable(_, let reason): self = .unavailable(what, reason: reason)
        case .status(.unavailable, let message): self = .unavailable(what, reason: message)
        case .status(_, let message) where message.contains("no space left on device"):
            self = .diskFull(what, reason: message)
        default: self = .call(what, error)
        }
    }

    /// The status and message of containerd's refusal; nil when it gave none.
    var status: (code: GRPCStatus, message: String)? {
        guard case .call(_, .status(let code, let message)) = self else { return nil }
        return (code, message)
    }

    var isNotFound: Bool { status?.code == .notFound }

    /// Whether containerd was not there to do it: it may later.
    public var isUnavailable: Bool {
        if case .unavailable = self { true } else { false }
    }
}
