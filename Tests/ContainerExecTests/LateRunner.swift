import ContainerExec
import Glibc
import HostAPI
import Synchronization
import TestSupport

/// Copies input to output as `cat` in a container does, with a supervisor like containerd's: it opens the input only a
/// while after the start, and keeps an end that writes until it is told that the input is over.
final class LateRunner: ExecRunner {
    private struct Command: Sendable {
        var writer: Int32 = -1
        var isOver = false
        var closings = 0
    }

    /// O_PATH, which Swift does not see.
    private static let onlyPlace: Int32 = 0o10_000_000

    private let state = Mutex(Command())
    private let refusals: Int
    /// How often the end of the input was told, in all.
    var closings: Int { state.withLock { $0.closings } }

    /// - Parameter refusals: how often the end of the input is not taken at first.
    init(refusals: Int = 0) { self.refusals = refusals }

    func start(_ command: ExecCommand, id: String, streams: ExecStreams) async throws(ContainerExecError) {
        // Held by number: the name may be gone before the input is opened.
        let place = open(streams.input, Self.onlyPlace | O_CLOEXEC)
        let output = open(streams.output, O_WRONLY | O_CLOEXEC)
        let errors = streams.errors.map { open($0, O_WRONLY | O_CLOEXEC) }
        state.withLock {
            $0.writer = -1
            $0.isOver = false
        }
        Task {
            try? await blocking {
                usleep(400_000)
                // Waits for a writer, as the supervisor does.
                let input = open("/proc/self/fd/\(place)", O_RDONLY | O_CLOEXEC)
                let writer = open("/proc/self/fd/\(place)", O_WRONLY | O_CLOEXEC)
                self.state.withLock { $0.writer = writer }
                var buffer = [UInt8](repeating: 0, count: 4096)
                while true {
                    let count = read(input, &buffer, buffer.count)
                    guard count > 0 else { break }
                    _ = write(output, buffer, count)
                }
                for descriptor in [place, input, output, errors ?? -1] where descriptor >= 0 {
                    close(descriptor)
                }
                self.state.withLock { $0.isOver = true }
            }
        }
    }

    func wait(_ target: String, id: String) async throws(ContainerExecError) -> UInt32 {
        while !state.withLock({ $0.isOver }) { try? await Task.sleep(for: .milliseconds(10)) }
        return 0
    }

    func resize(_ target: String, id: String, to size: ExecTerminalSize) async {}

    func closeInput(_ target: String, id: String) async -> Bool {
        state.withLock {
            $0.closings += 1
            guard $0.closings > refusals, $0.writer >= 0 else { return false }
            close($0.writer)
            $0.writer = -1
            return true
        }
    }

    func signal(_ target: String, id: String, _ number: Int32) async -> Bool { true }
    func remove(_ target: String, id: String) async -> Bool { true }
}
