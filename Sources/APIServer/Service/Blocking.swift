import Dispatch

/// Runs calls that block on a thread of their own: Swift's own threads are as few as the processors.
enum Blocking {
    private static let queue = DispatchQueue(label: "blocking", attributes: .concurrent)

    /// Runs a body that must have a limit of its own in time.
    static func run<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result {
        await withCheckedContinuation { continuation in
            queue.async { continuation.resume(returning: body()) }
        }
    }
}
