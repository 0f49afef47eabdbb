public import HostAPI

/// A command to run in a container.
public struct ExecCommand: Sendable, Equatable {
    /// The container's name.
    public var target: String
    /// The program and its arguments.
    public var arguments: [String]
    /// The terminal that it shall have; nil for none.
    public var terminal: ExecTerminal?

    /// A command.
    public init(target: String, arguments: [String], terminal: ExecTerminal? = nil) {
        self.target = target
        self.arguments = arguments
        self.terminal = terminal
    }
}

/// The FIFOs of a command, which the session has open before the command is started.
public struct ExecStreams: Sendable, Equatable {
    /// What it reads.
    public var input: String
    /// What it writes; with a terminal, all of it.
    public var output: String
    /// What it writes to standard error; nil with a terminal.
    public var errors: String?
}

/// Who runs the commands of sessions.
///
/// Every call has a time limit of its own. `id` names a command within its container.
public protocol ExecRunner: Sendable {
    /// Starts a command; when it comes back, the command has its ends of the FIFOs open.
    func start(_ command: ExecCommand, id: String, streams: ExecStreams) async throws(ContainerExecError)
    /// Waits until a command ends, as long as it takes.
    ///
    /// - Returns: the exit status, 128 and the signal for one that was killed.
    func wait(_ target: String, id: String) async throws(ContainerExecError) -> UInt32
    /// Gives the command's terminal another size.
    func resize(_ target: String, id: String, to size: ExecTerminalSize) async
    /// Lets the command see the end of its input once it has read what is in the FIFO.
    ///
    /// - Returns: whether it will; false when the runtime could not be told, and is to be asked again.
    func closeInput(_ target: String, id: String) async -> Bool
    /// Sends a signal to a command, if it still runs.
    ///
    /// - Returns: false when the runtime could not be told, and is to be asked again.
    func signal(_ target: String, id: String, _ number: Int32) async -> Bool
    /// Forgets a command; one that still runs is killed.
    ///
    /// - Returns: whether nothing is left of it; if not, this is to be asked again.
    func remove(_ target: String, id: String) async -> Bool
}
