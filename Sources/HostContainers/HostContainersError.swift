import ContainerImages
public import Containers
import Glibc
import OCI
public import SmallFiles
public import Systemd

/// Why a host container or a bootstrap container is not as the settings ask.
public enum HostContainersError: Error, Equatable, CustomStringConvertible {
    /// The document of definitions cannot be read.
    case badDefinitions(path: String, reason: String)
    /// There is no definition of a name.
    case noDefinition(id: String, path: String)
    /// A file cannot be read.
    case cannotRead(path: String, SmallFileError)
    /// A file cannot be written.
    case cannotWrite(SmallFileWriteError)
    /// The system refused something that a path names.
    case system(path: String, operation: String, errno: Int32)
    /// The settings name no image.
    case noSource(name: String)
    /// An image cannot be had.
    case image(source: String, reason: String)
    /// An image runs as a user that only its own files know.
    case namedUser(source: String, user: String)
    /// An image has no program, and the settings name none.
    case noProgram(source: String)
    /// Another process has been at work with the same image for too long.
    case imageInUse(source: String, limit: Duration)
    /// containerd did not do its part.
    case runtime(ContainerError)
    /// systemd did not do its part.
    case systemd(unit: String, SystemdError)

    /// What is wrong, with what value, and what to do.
    public var description: String {
        switch self {
        case .badDefinitions(let path, let reason):
            "\(path): \(reason); 'hostd apply' renders it again from the settings"
        case .noDefinition(let id, let path):
            "there is no definition of the container '\(id)' (\(path)); enable it in the settings, or run "
                + "'hostd host-containers apply'"
        case .cannotRead(let path, let error): "'\(path)' \(error)"
        case .cannotWrite(let error): "'\(error.path)' \(error)"
        case .system(let path, let operation, let errno):
            "could not \(operation) '\(path)': \(String(cString: strerror(errno)))"
        case .noSource(let name): "'\(name)' has no image: set its 'source'"
        case .image(let source, let reason): "the image '\(source)' can't be had: \(reason)"
        case .namedUser(let source, let user):
            "the image '\(source)' runs as the user '\(user)', a name that only its own files know: build it with a "
                + "number"
        case .noProgram(let source):
            "the image '\(source)' names no program to run: set the container's 'command'"
        case .imageInUse(let source, let limit):
            "the image '\(source)' has been used by another process for more than \(limit.components.seconds) seconds"
        case .runtime(let error): error.description
        case .systemd(let unit, let error): "\(unit): \(error)"
        }
    }
}
