import Glibc
import HostAPI

/// The FIFOs of one session, and this side's ends of them.
///
/// Each is first opened for reading and writing: without a writer its reader would be told the end at once, and without a
/// reader it could not be opened for writing. When the command has opened its own ends, these keepers of the outputs go.
struct ExecFIFOs {
    /// Where the command finds them.
    let streams: ExecStreams
    /// What this side reads, until someone takes it.
    private(set) var readers: [(stream: ExecProtocol.Stream, descriptor: Int32)] = []
    private var keepers: [Int32] = []
    /// What this side writes; -1 when it was taken.
    private var writer: Int32 = -1
    private var paths: [String] = []

    /// Makes and opens the FIFOs.
    ///
    /// - Throws: `ContainerExecError.streams`; then nothing is left.
    init(folder: String, id: String, hasTerminal: Bool) throws(ContainerExecError) {
        let base = "\(folder)/\(id)"
        streams = ExecStreams(
            input: "\(base).in",
            output: "\(base).out",
            errors: hasTerminal ? nil : "\(base).err"
        )
        do throws(ContainerExecError) {
            try make(streams.input)
            writer = try open(streams.input, O_WRONLY)
            // Without a reader of our own it can be seen when the command's is there.
            Glibc.close(keepers.removeLast())
            try make(streams.output)
            readers.append((.output, try open(streams.output, O_RDONLY)))
            if let errors = streams.errors {
                try make(errors)
                readers.append((.errors, try open(errors, O_RDONLY)))
            }
        } catch {
            close()
            throw error
        }
    }

    private mutating func make(_ path: String) throws(ContainerExecError) {
        guard mkfifo(path, 0o600) == 0 else { throw Self.fault("mkfifo", path) }
        paths.append(path)
        keepers.append(try open(path, O_RDWR))
    }

    private func open(_ path: String, _ mode: Int32) throws(ContainerExecError) -> Int32 {
        let descriptor = Glibc.open(path, mode | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { throw Self.fault("open", path) }
        return descriptor
    }

    /// Hands the readers over: whoever takes them closes them.
    mutating func takeReaders() -> [(stream: ExecProtocol.Stream, descriptor: Int32)] {
        defer { readers = [] }
        return readers
    }

    /// Hands over the end that writes the command's input, and lets go of all that only kept the FIFOs open.
    mutating func commandIsConnected() -> Int32 {
        let input = writer
        writer = -1
        close()
        return input
    }

    /// Whether anybody has the FIFO open to read, by the end that writes: written without one, bytes are lost.
    static func hasReader(_ descriptor: Int32) -> Bool {
        var poll = pollfd(fd: descriptor, events: 0, revents: 0)
        return Glibc.poll(&poll, 1, 0) == 0 || poll.revents & Int16(POLLERR) == 0
    }

    /// Closes what was not taken, and removes the names: whoever has opened a FIFO keeps it.
    mutating func close() {
        for descriptor in keepers + readers.map(\.descriptor) { Glibc.close(descriptor) }
        if writer >= 0 { Glibc.close(writer) }
        writer = -1
        for path in paths { unlink(path) }
        (keepers, readers, paths) = ([], [], [])
    }

    private static func fault(_ call: String, _ path: String) -> ContainerExecError {
        .streams(path: path, reason: "\(call): \(String(cString: strerror(errno)))")
    }
}
