import Glibc

/// Runs work that blocks for long on a thread of its own, so that it does not occupy the threads of the tasks.
///
/// - Parameter work: Is told to stop through the flag when the task is cancelled, and returns soon after.
package func onThread<Value: Sendable>(_ work: @escaping @Sendable (StopFlag) -> Value) async -> Value {
    let stop = StopFlag()
    return await withTaskCancellationHandler {
        await withCheckedContinuation { continuation in
            let job = Job { continuation.resume(returning: work(stop)) }
            var thread = pthread_t()
            let argument = Unmanaged.passRetained(job)
            let result = pthread_create(
                &thread,
                nil,
                { argument in
                    if let argument { Unmanaged<Job>.fromOpaque(argument).takeRetainedValue().run() }
                    return nil
                },
                argument.toOpaque()
            )
            if result == 0 {
                pthread_detach(thread)
            } else {
                // No thread to be had: better slow than not at all.
                argument.release()
                job.run()
            }
        }
    } onCancel: {
        stop.set()
    }
}

private final class Job: Sendable {
    let run: @Sendable () -> Void

    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}
