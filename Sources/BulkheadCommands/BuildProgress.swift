import Foundation
import ImageBuilder
import Presentation
import Synchronization

/// Shows how a build goes on: a bar for the stage that reports its progress on a terminal, plain lines otherwise.
final class BuildProgress: BuildObserver {
    private struct State {
        var bar: String?
        var shown = ContinuousClock.now
    }

    private let isTerminal = isatty(STDERR_FILENO) == 1
    private let state = Mutex(State())

    func stageStarted(_ name: String) {
        if isTerminal { show("\(name) …") } else { line("\(name) ...") }
    }

    func stageAdvanced(_ name: String, done: Int, total: Int, unit: String) {
        guard isTerminal, total > 0 else { return }
        let width = 30
        let filled = min(width, width * done / total)
        let bar =
            String(repeating: "█", count: filled)
            + String(repeating: "·", count: width - filled)
        let amount =
            unit == "bytes"
            ? "\(HumanText.size(UInt64(max(0, done)))) of \(HumanText.size(UInt64(total)))"
            : "\(done) of \(total) \(unit)"
        show("\(name) \(bar) \(amount)", onlyIfDue: done < total)
    }

    func stageFinished(_ name: String, cached: Bool, duration: Duration) {
        line(
            cached
                ? "\(name): cached" : "\(name): \(HumanText.fixed(HumanText.seconds(duration), digits: 2)) s"
        )
    }

    func note(_ text: String) { line(text) }

    /// Takes the bar away.
    func end() {
        state.withLock { state in
            if state.bar != nil { write("\r\u{1B}[K") }
            state.bar = nil
        }
    }

    /// Writes a line, above the bar if there is one.
    private func line(_ text: String) {
        state.withLock { state in
            write(state.bar == nil ? "\(text)\n" : "\r\u{1B}[K\(text)\n")
            state.bar = nil
        }
    }

    private func show(_ bar: String, onlyIfDue: Bool = false) {
        state.withLock { state in
            let now = ContinuousClock.now
            guard !onlyIfDue || now - state.shown > .milliseconds(100) else { return }
            state.bar = bar
            state.shown = now
            write("\r\u{1B}[K\(bar)")
        }
    }

    private func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}
