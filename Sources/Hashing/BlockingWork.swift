import Glibc
import Synchronization

/// Runs work that blocks for long on a thread of its own, so that it does not occupy the threads of the tasks.
///
/// - Parameter work: Is told to stop through the flag when the task is cancelled, and returns soon after.
public func onThread<Value: Sendable>(_ work: @escaping @Sendable (StopFlag) -> Value) async -> Value {
    let stop = StopFlag()
    return await withTaskCancellationHandler {
        await withCheckedContinuation { continuation in
            let run: @Sendable () -> Void = { continuation.resume(returning: work(stop)) }
            if let thread = startThread(run) {
                pthread_detach(thread)
            } else {
                // No thread to be had: better slow than not at all.
                run()
            }
        }
    } onCancel: {
        stop.set()
    }
}

/// Tells work on other threads to stop.
public final class StopFlag: Sendable {
    private let flag = Atomic<Bool>(false)

    /// A flag that is not set.
    public init() {}

    /// Whether the work is to stop.
    public var isSet: Bool { flag.load(ordering: .relaxed) }

    func set() { flag.store(true, ordering: .relaxed) }
}

/// Starts a thread.
///
/// - Returns: The thread, which the caller joins or detaches; nil where the system has no more, and `work` is not called.
func startThread(_ work: @escaping @Sendable () -> Void) -> pthread_t? {
    var thread = pthread_t()
    let argument = Unmanaged.passRetained(ThreadWork(work))
    let result = pthread_create(
        &thread,
        nil,
        { argument in
            if let argument { Unmanaged<ThreadWork>.fromOpaque(argument).takeRetainedValue().run() }
            return nil
        },
        argument.toOpaque()
    )
    guard result == 0 else {
        argument.release()
        return nil
    }
    return thread
}

/// What a thread is given: C takes no closure that captures.
private final class ThreadWork: Sendable {
    let run: @Sendable () -> Void

    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}
