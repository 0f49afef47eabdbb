import Foundation
import Glibc
import Synchronization

/// Ends processes and removes folders when the tests end, for what does not go away by itself.
///
/// Values of static properties do not: they are there until the process ends.
public enum LeftOvers {
    private struct State {
        var processes: [Int32] = []
        var paths: [String] = []
        var isRegistered = false
    }

    private static let state = Mutex(State())

    /// A process to be killed.
    public static func add(process: Int32) { add { $0.processes.append(process) } }

    /// A file or folder to be removed.
    public static func add(path: String) { add { $0.paths.append(path) } }

    private static func add(_ change: (inout sending State) -> Void) {
        state.withLock {
            change(&$0)
            guard !$0.isRegistered else { return }
            $0.isRegistered = true
            atexit { LeftOvers.clear() }
        }
    }

    /// Kills a process now.
    ///
    /// Not with SIGTERM: children inherit a mask from the threads that tests run on, which blocks it.
    public static func end(process: Int32) {
        state.withLock { $0.processes.removeAll { $0 == process } }
        kill(process, SIGKILL)
    }

    private static func clear() {
        let left = state.withLock { $0 }
        for process in left.processes { kill(process, SIGKILL) }
        for path in left.paths { try? FileManager.default.removeItem(atPath: path) }
    }
}
