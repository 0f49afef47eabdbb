import Glibc
import SmallFiles
import Synchronization
import UpdateEngine
import Updater

/// Says on standard output what the updater does, a line each.
final class EventLog: Sendable {
    private struct State {
        var start = ContinuousClock.now
        var step: SlotStep?
        var isHalf = false
    }

    private let state = Mutex(State())

    /// Seconds count from here.
    func begin() { state.withLock { $0 = State() } }

    /// Takes an event.
    func take(_ event: Updater.Event) {
        state.withLock { state in
            let seconds = (ContinuousClock.now - state.start) / .seconds(1)
            switch event {
            case .status, .warning: return
            case .plan(let bytes, let method): Self.say("plan \(bytes) \(method) \(seconds)")
            case .progress(let progress):
                if progress.step != state.step {
                    state.step = progress.step
                    Self.say("step \(seconds) \(progress.step.rawValue)")
                }
                if progress.step == .blocks, !state.isHalf, progress.totalBytes > 0,
                    progress.doneBytes >= progress.totalBytes / 2
                {
                    state.isHalf = true
                    Self.say("half \(seconds)")
                }
            }
        }
    }

    /// Says that all is done, and what memory it took.
    func finish() {
        let seconds = state.withLock { (ContinuousClock.now - $0.start) / .seconds(1) }
        Self.say("done \(seconds)")
        // Not getrusage(2), which counts what the process was before execve(2) too.
        let status = (try? readSmallFile("/proc/self/status", maximumLength: 64 << 10)) ?? []
        for line in String(decoding: status, as: UTF8.self).split(separator: "\n")
        where line.hasPrefix("VmHWM:") {
            Self.say("peak \(line.split(whereSeparator: \.isWhitespace).dropFirst().first ?? "0")")
        }
    }

    private static func say(_ line: String) {
        let line = line + "\n"
        // In one write, at once: whoever reads may end this process in the middle.
        _ = line.withCString { write(STDOUT_FILENO, $0, strlen($0)) }
    }
}
