public import HostAPI
import Presentation
import Synchronization

/// Shows how far `prepare` is: a bar on a terminal; elsewhere a line for each phase, and for each quarter of a long one.
public final class ProgressLine: Sendable {
    private struct State {
        var phase = ""
        var quarter: UInt64 = 0
        var plan: UpdateStatus.Plan?
        var isDrawn = false
    }

    private let isTerminal: Bool
    private let write: @Sendable (String) -> Void
    private let redraw: @Sendable (String) -> Void
    private let state = Mutex(State())
    private static let width = 30

    /// Shows nothing yet.
    ///
    /// - Parameters:
    ///   - isTerminal: whether what is written can be drawn over.
    ///   - write: writes a line.
    ///   - redraw: writes the line again that the bar is on.
    public init(
        isTerminal: Bool,
        write: @escaping @Sendable (String) -> Void,
        redraw: @escaping @Sendable (String) -> Void
    ) {
        self.isTerminal = isTerminal
        self.write = write
        self.redraw = redraw
    }

    /// Shows a status that came while the command is at work.
    public func show(_ status: UpdateStatus) {
        let (plan, line) = state.withLock { state -> (String?, String?) in
            var planLine: String?
            if let plan = status.plan, plan != state.plan {
                state.plan = plan
                planLine = "to fetch: \(HumanText.exactSize(plan.bytes)) (\(HumanText.safe(plan.method)))"
            }
            guard let progress = status.progress else { return (planLine, nil) }
            let isNew = progress.phase != state.phase
            let quarter = progress.total == 0 ? 0 : min(progress.done, progress.total) * 4 / progress.total
            if !isTerminal, !isNew, quarter <= state.quarter { return (planLine, nil) }
            state.phase = progress.phase
            state.quarter = quarter
            state.isDrawn = true
            return (planLine, isTerminal ? Self.bar(progress) : Self.line(progress))
        }
        if let plan {
            if isTerminal { redraw("") }
            write(plan)
        }
        if let line {
            if isTerminal { redraw(line) } else { write(line) }
        }
    }

    /// Ends the bar.
    public func end() {
        if isTerminal, state.withLock({ $0.isDrawn }) { redraw("") }
    }

    static func bar(_ progress: UpdateStatus.Progress) -> String {
        guard progress.total > 0 else { return HumanText.safe(progress.phase) }
        let done = min(progress.done, progress.total)
        let filled = Int(Double(done) / Double(progress.total) * Double(width))
        let bar = String(repeating: "=", count: filled) + String(repeating: " ", count: width - filled)
        return "[\(bar)] \(line(progress))"
    }

    static func line(_ progress: UpdateStatus.Progress) -> String {
        let phase = HumanText.safe(progress.phase)
        guard progress.total > 0 else { return phase }
        let percent = min(progress.done, progress.total) * 100 / progress.total
        return "\(phase): \(percent) % of \(HumanText.size(progress.total))"
    }
}
