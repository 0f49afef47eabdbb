import Dispatch
import Glibc
import Synchronization
import Systemd

/// Carries what a container writes to this process's own output, from where systemd has it in the journal.
///
/// Whole lines, so that those of both streams do not end in each other's middle; longer ones in pieces.
final class ContainerOutput: Sendable {
    /// Bytes after which a line is passed on without its end.
    private static let longestLine = 16 << 10
    /// How long nothing must come until the pages that reading took are given back.
    private static let quiet: Int32 = 15_000

    /// The pipes, as containerd is told them.
    let paths: (output: String, error: String)
    private let descriptors: [Int32]
    private let keepers: Mutex<[Int32]>
    private let isEnding = Atomic(false)
    private let ended = DispatchSemaphore(value: 0)
    private let targets: [Int32]

    /// Makes both pipes in a folder, in place of those that an earlier process left.
    ///
    /// - Throws: `HostContainersError.system`.
    init(in folder: String, to targets: [Int32] = [STDOUT_FILENO, STDERR_FILENO]) throws(HostContainersError)
    {
        paths = ("\(folder)/stdout", "\(folder)/stderr")
        self.targets = targets
        var descriptors: [Int32] = []
        var keepers: [Int32] = []
        do throws(HostContainersError) {
            for path in [paths.output, paths.error] {
                unlink(path)
                guard mkfifo(path, 0o600) == 0 else {
                    throw .system(path: path, operation: "make the pipe", errno: errno)
                }
                // The reading end first, which waits for nobody; a writing end of ours, or there would be an end before the
                // container's first byte.
                for flags in [O_RDONLY, O_WRONLY] {
                    let descriptor = open(path, flags | O_NONBLOCK | O_CLOEXEC)
                    guard descriptor >= 0 else {
                        throw .system(path: path, operation: "open", errno: errno)
                    }
                    if flags == O_RDONLY {
                        descriptors.append(descriptor)
                    } else {
                        keepers.append(descriptor)
                    }
                }
            }
        } catch {
            for descriptor in descriptors + keepers { close(descriptor) }
            throw error
        }
        self.descriptors = descriptors
        self.keepers = Mutex(keepers)
    }

    deinit {
        for descriptor in descriptors + keepers.withLock({ $0 }) { close(descriptor) }
    }

    /// Begins to carry, on a thread of its own: the journal may make a writer wait.
    func start() {
        DispatchQueue(label: "container-output").async { [self] in
            carry()
            ended.signal()
        }
    }

    /// Tells that the container has its ends open: when it ends, the pipes do.
    func containerIsConnected() {
        let ends = keepers.withLock { keepers in
            defer { keepers = [] }
            return keepers
        }
        for end in ends { close(end) }
    }

    /// Carries what is still in the pipes, for a second at most: a process that was left behind may hold them open.
    func finish() {
        containerIsConnected()
        isEnding.store(true, ordering: .relaxed)
        _ = ended.wait(timeout: .now() + 2)
        unlink(paths.output)
        unlink(paths.error)
    }

    private func carry() {
        var lines = targets.map { LineBuffer(target: $0) }
        var open = descriptors.map { Optional($0) }
        var deadline: ContinuousClock.Instant?
        var hasWorked = true
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        while open.contains(where: { $0 != nil }) {
            if deadline == nil, isEnding.load(ordering: .relaxed) { deadline = .now + .seconds(1) }
            if let deadline, ContinuousClock.now >= deadline { break }
            var requests = open.map { pollfd(fd: $0 ?? -1, events: Int16(POLLIN), revents: 0) }
            // Woken now and then to see that the container has ended although its pipes have not.
            let count = poll(
                &requests,
                nfds_t(requests.count),
                deadline == nil ? (hasWorked ? Self.quiet : 60_000) : 100
            )
            if count == 0, hasWorked, deadline == nil {
                for index in lines.indices { lines[index].flush() }
                CodePages.release()
                hasWorked = false
            }
            guard count > 0 else { continue }
            hasWorked = true
            for index in requests.indices where requests[index].revents != 0 {
                guard let descriptor = open[index] else { continue }
                let count = read(descriptor, &buffer, buffer.count)
                if count > 0 {
                    lines[index].append(buffer[..<count], limit: Self.longestLine)
                } else if count == 0 || (errno != EAGAIN && errno != EINTR) {
                    open[index] = nil
                }
            }
        }
        for index in lines.indices { lines[index].flush() }
    }
}

/// Gathers bytes until a line is whole.
private struct LineBuffer {
    let target: Int32
    private var rest: [UInt8] = []

    init(target: Int32) { self.target = target }

    mutating func append(_ bytes: ArraySlice<UInt8>, limit: Int) {
        rest += bytes
        let newline = UInt8(ascii: "\n")
        guard let last = rest.lastIndex(of: newline) else {
            if rest.count >= limit { flush() }
            return
        }
        write(rest[...last])
        rest.removeFirst(last + 1)
    }

    /// Writes an unfinished line as it is, with an end, so that the next one is its own.
    mutating func flush() {
        guard !rest.isEmpty else { return }
        write((rest + [UInt8(ascii: "\n")])[...])
        rest = []
    }

    private func write(_ bytes: ArraySlice<UInt8>) {
        var rest = bytes
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(target, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            // Nobody can be told; the container must not wait for a journal that is gone.
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
}
