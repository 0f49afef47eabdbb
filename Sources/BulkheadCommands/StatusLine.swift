import Dispatch
import Foundation
import Synchronization

/// A line on a terminal that says what is being done, once that takes longer than a moment.
final class StatusLine: Sendable {
    private struct State {
        var text = ""
        var isVisible = false
        var isOver = false
    }

    private let state = Mutex(State())
    private let isTerminal = isatty(2) != 0

    init() {
        guard isTerminal else { return }
        DispatchQueue.global().asyncAfter(deadline: .now() + 1) { [self] in
            state.withLock { state in
                state.isVisible = !state.isOver
                Self.draw(state)
            }
        }
    }

    /// Shows what begins now; nothing is shown where there is no terminal, or in the first second.
    func show(_ text: String) {
        state.withLock { state in
            state.text = text
            Self.draw(state)
        }
    }

    /// Removes the line, for good.
    func clear() {
        state.withLock { state in
            if state.isVisible { Self.write("\r\u{1b}[K") }
            state.isVisible = false
            state.isOver = true
        }
    }

    private static func draw(_ state: State) {
        if state.isVisible, !state.text.isEmpty { write("\r\u{1b}[K\(state.text) ...") }
    }

    private static func write(_ text: String) {
        FileHandle.standardError.write(Data(text.utf8))
    }
}
