import ImageBuilder
import Synchronization

/// Keeps what a build says.
final class RecordingObserver: BuildObserver {
    private let said = Mutex<[String]>([])

    var notes: [String] { said.withLock { $0 } }

    func stageStarted(_ name: String) {}
    func stageAdvanced(_ name: String, done: Int, total: Int, unit: String) {}
    func stageFinished(_ name: String, cached: Bool, duration: Duration) {}
    func note(_ text: String) { said.withLock { $0.append(text) } }
}
