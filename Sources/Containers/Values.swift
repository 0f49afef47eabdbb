public import OCI

/// An image that containerd has.
public struct ImageRecord: Sendable, Equatable {
    /// Its name, a reference in full.
    public let name: String
    /// The index or manifest that the name stands for.
    public let target: Descriptor
    /// Labels that whoever stored it gave it.
    public let labels: [String: String]
}

/// How far an import is: bytes of one part of the image.
public struct ImportProgress: Sendable, Equatable {
    /// What is done to the part: `saved`, `unpacking` and others, as containerd names it.
    public let event: String
    /// The part, by the name that containerd gives it: mostly a digest.
    public let part: String
    /// Bytes of it that are done.
    public let done: Int64
    /// Bytes of it in all; 0 when not known.
    public let total: Int64
}

/// Which program starts a container's processes.
public struct RuntimeChoice: Sendable, Equatable {
    /// A program of runc's command line: a name found in containerd's PATH, or a path.
    public let binary: String
    /// A folder for its records; without one all containerds of a machine share runc's own.
    public let root: String

    /// A program of runc's command line, such as crun or runsc.
    public static func binary(_ binary: String, root: String) -> RuntimeChoice {
        RuntimeChoice(binary: binary, root: root)
    }

    /// runc(8).
    public static func runc(root: String) -> RuntimeChoice { binary("runc", root: root) }
}

/// A container that is to be made.
public struct NewContainer: Sendable, Equatable {
    /// Its name, unique in the namespace; of its snapshot, too.
    public var id: String
    /// The image that its root file system comes from.
    public var image: ImageRecord
    /// The OCI runtime specification as JSON (https://github.com/opencontainers/runtime-spec, version 1.1.0).
    public var spec: [UInt8]
    /// Labels of its record.
    public var labels: [String: String]
    /// What starts its processes.
    public var runtime: RuntimeChoice
    /// What makes its root file system.
    public var snapshotter: String

    /// Describes a container.
    public init(
        id: String,
        image: ImageRecord,
        spec: [UInt8],
        labels: [String: String] = [:],
        runtime: RuntimeChoice,
        snapshotter: String = "overlayfs"
    ) {
        self.id = id
        self.image = image
        self.spec = spec
        self.labels = labels
        self.runtime = runtime
        self.snapshotter = snapshotter
    }
}

/// FIFOs (fifo(7)) through which a process reads and writes.
///
/// The caller makes them, opens its ends of the outputs before the process is started (`O_RDONLY | O_NONBLOCK`), and
/// removes them. A reader that goes away leaves the process blocked: kill it then.
public struct StreamPaths: Sendable, Equatable {
    /// What the process reads; nil for nothing.
    public var stdin: String?
    /// What it writes; of a terminal, all it writes.
    public var stdout: String
    /// What it writes as errors; may be the same as `stdout`, and is not used with a terminal.
    public var stderr: String
    /// Whether the process has a terminal.
    public var terminal: Bool

    /// FIFOs of a process.
    public init(stdin: String? = nil, stdout: String, stderr: String, terminal: Bool = false) {
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr
        self.terminal = terminal
    }

    init() { self.init(stdout: "", stderr: "") }
}

/// How a process ended.
public struct ExitStatus: Sendable, Equatable {
    /// Its exit code; 128 and the signal's number of a process that a signal ended; 255 when nobody knows.
    public let code: UInt32
    /// When it ended, in seconds since 1970; 0 when nobody knows.
    public let exitedAt: Int64
    /// Whether the process's supervisor ended with it, so that nobody knows how it ended.
    public let isLost: Bool

    /// An end.
    public init(code: UInt32, exitedAt: Int64, isLost: Bool = false) {
        self.code = code
        self.exitedAt = exitedAt
        self.isLost = isLost
    }

    static let lost = ExitStatus(code: 255, exitedAt: 0, isLost: true)
}

/// Columns and rows of a terminal.
public struct TerminalSize: Sendable, Equatable {
    /// Characters in a row.
    public var columns: UInt32
    /// Rows.
    public var rows: UInt32

    /// A size.
    public init(columns: UInt32, rows: UInt32) {
        self.columns = columns
        self.rows = rows
    }
}

/// A process that is to be added to a container.
///
/// User, capabilities and folder are those of the container's first process, as is the environment.
public struct ExecProcess: Sendable, Equatable {
    /// The program and its arguments; the program is looked for in the container's PATH.
    public var arguments: [String]
    /// The terminal's first size; nil without a terminal.
    public var terminal: TerminalSize?
    /// Variables (`NAME=VALUE`) that come on top or replace others.
    public var environmentAdditions: [String]

    /// Describes a process.
    public init(arguments: [String], terminal: TerminalSize? = nil, environmentAdditions: [String] = []) {
        self.arguments = arguments
        self.terminal = terminal
        self.environmentAdditions = environmentAdditions
    }
}

/// A container that containerd has a record of.
public struct ContainerRecord: Sendable, Equatable {
    /// Its name.
    public let id: String
    /// The name of its image.
    public let image: String
    /// Its labels.
    public let labels: [String: String]
}

/// The first process of a container.
public struct TaskRecord: Sendable, Equatable {
    /// What a task does.
    public enum State: Int32, Sendable {
        /// What containerd does not know.
        case unknown = 0
        /// It waits for its start.
        case created = 1
        /// It runs.
        case running = 2
        /// It has ended.
        case stopped = 3
        /// It was halted, or is about to be.
        case paused = 4
        /// It is about to be halted.
        case pausing = 5
    }

    /// The name of its container.
    public let id: String
    /// The number of its process.
    public let pid: UInt32
    /// What it does.
    public let state: State
}
