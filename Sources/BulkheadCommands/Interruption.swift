import Dispatch
import Foundation
import Synchronization

/// Ends work in order when the process is told to stop.
enum Interruption {
    /// Runs work that SIGINT, SIGTERM and SIGHUP cancel; a second one ends the process at once.
    ///
    /// One that the process was started with as ignored, as by nohup(1) or a script's `&`, stays so.
    ///
    /// When the work has ended after a signal, cleaned up, the process dies by that signal, as its parent expects.
    static func cancelling<Value: Sendable>(
        _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        let (result, signal) = await run(body)
        if let signal { dieBy(signal) }
        return try result.get()
    }

    /// Runs work that the same signals cancel, and throws `InterruptedError` when it failed after one.
    ///
    /// - Parameter consequence: what the end means for the work's result, as part of a sentence.
    static func stopping<Value: Sendable>(
        _ consequence: String,
        _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        let (result, signal) = await run(body)
        guard signal != nil, case .failure = result else { return try result.get() }
        throw InterruptedError(consequence: consequence)
    }

    private static func run<Value: Sendable>(
        _ body: @escaping @Sendable () async throws -> Value
    ) async -> (Result<Value, any Error>, signal: Int32?) {
        let received = Mutex<Int32?>(nil)
        let task = Task { try await body() }
        let sources = [SIGINT, SIGTERM, SIGHUP].filter { !isIgnored($0) }.map { number in
            let source = DispatchSource.makeSignalSource(signal: number)
            source.setEventHandler {
                let isFirst = received.withLock { first in
                    defer { first = first ?? number }
                    return first == nil
                }
                // Who asks twice does not want to wait until all is in order.
                guard isFirst else { return dieBy(number) }
                task.cancel()
            }
            source.resume()
            return source
        }
        let result = await withTaskCancellationHandler {
            await task.result
        } onCancel: {
            task.cancel()
        }
        for source in sources { source.cancel() }
        return (result, received.withLock { $0 })
    }

    private static func isIgnored(_ number: Int32) -> Bool {
        var action = sigaction()
        return sigaction(number, nil, &action) == 0
            && unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
                == unsafeBitCast(SIG_IGN, to: Int.self)
    }

    private static func dieBy(_ number: Int32) {
        signal(number, SIG_DFL)
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, number)
        pthread_sigmask(SIG_UNBLOCK, &set, nil)
        raise(number)
    }
}

/// The user told the program to stop.
struct InterruptedError: Error, CustomStringConvertible {
    /// What that means for the work's result.
    let consequence: String

    var description: String { "stopped by a signal; \(consequence)" }
}
