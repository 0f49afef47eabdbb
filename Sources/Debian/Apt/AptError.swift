public import Processes

/// Why packages could not be chosen with apt.
public enum AptError: Error, Equatable, CustomStringConvertible {
    /// apt's configuration names no Debian mirror that can be used.
    case noMirror(reason: String)
    /// A mirror's address is not one.
    case invalidMirror(String, problem: String)
    /// A suite, component, architecture or package name that cannot be given to apt.
    case invalidName(String, kind: String)
    /// The keys that the archive's signatures are checked with are not installed.
    case keyringMissing(path: String)
    /// The mirror does not answer.
    case unreachable(message: String)
    /// The mirror's signature, or the hash of an index, is wrong.
    case untrusted(message: String)
    /// The mirror does not have one of the suites, components or architectures.
    case suiteMissing(message: String)
    /// Reading the package lists failed for another reason.
    case updateFailed(message: String)
    /// No package of these names exists in the suites.
    case unknownPackages([String], suites: [String], architecture: String)
    /// The solver finds no set of packages that fits together.
    case unsatisfiable(message: String)
    /// apt wrote something that this program does not understand.
    case unexpectedOutput(command: String, problem: String)
    /// The private state directory cannot be used.
    case state(path: String, reason: String)
    /// A program failed for another reason.
    case process(ProcessError)

    /// What failed, why, and what to do about it.
    public var description: String {
        switch self {
        case .noMirror(let reason):
            return "no Debian mirror was found in apt's configuration: \(reason); name one with --mirror URL"
        case .invalidMirror(let mirror, let problem):
            return "'\(mirror)' is not the address of a mirror: \(problem); "
                + "give the URL of the directory that has 'dists' and 'pool'"
        case .invalidName(let name, let kind):
            return "'\(name)' is not a valid \(kind); correct it in the manifest"
        case .keyringMissing(let path):
            return
                "the archive's keys are not in '\(path)'; install them with 'apt-get install debian-archive-keyring'"
        case .unreachable(let message):
            return "the mirror does not answer: \(message)\n"
                + "Check the network and apt's proxy settings, or name another mirror with --mirror URL"
        case .untrusted(let message):
            return "the mirror's package lists cannot be trusted: \(message)\n"
                + "Nothing of them was used. Bring the package debian-archive-keyring up to date, "
                + "or name another mirror with --mirror URL"
        case .suiteMissing(let message):
            return "the mirror does not have what is asked for: \(message)\n"
                + "Name a mirror that carries these suites and this architecture with --mirror URL"
        case .updateFailed(let message):
            return
                "reading the package lists failed: \(message)\nTry again, or name another mirror with --mirror URL"
        case .unknownPackages(let names, let suites, let architecture):
            return "no such package for \(architecture) in \(suites.joined(separator: ", ")): "
                + "\(names.joined(separator: ", ")); correct the names in the manifest"
        case .unsatisfiable(let message):
            return "apt finds no set of packages that satisfies the manifest: \(message)"
        case .unexpectedOutput(let command, let problem):
            return
                "'\(command)' wrote something unexpected: \(problem); please report this with apt's version"
        case .state(let path, let reason):
            return "apt's private directory '\(path)' cannot be used: \(reason)"
        case .process(let error):
            return error.description
        }
    }

    /// Says what a failed `apt-get update` or `install` means.
    init(_ error: ProcessError) {
        guard case .failed(_, _, let message) = error else {
            self = .process(error)
            return
        }
        func says(_ phrases: String...) -> Bool { phrases.contains { message.contains($0) } }
        if says("NO_PUBKEY", "is not signed", "BADSIG", "EXPKEYSIG", "REVKEYSIG", "signatures were invalid")
            || says("Hash Sum mismatch", "unexpected size", "Clearsigned file isn't valid", "not valid yet")
            || says("is expired", "couldn't be verified", "Sub-process /usr/bin/sqv")
        {
            self = .untrusted(message: message)
        } else if says("Could not resolve", "Could not connect", "Unable to connect", "onnection timed out")
            || says("Temporary failure", "Connection failed", "onnection refused", "Network is unreachable")
            || says("Cannot initiate the connection", "Could not wait for server fd")
        {
            self = .unreachable(message: message)
        } else if says(
            "does not have a Release file",
            "404  ",
            "File not found",
            "doesn't have the component"
        )
            || says("doesn't support architecture")
        {
            self = .suiteMissing(message: message)
        } else {
            self = .updateFailed(message: message)
        }
    }
}
