import Foundation

/// Work on many values at once, as many at a time as there are processors.
enum ParallelMap {
    /// Maps values in parallel; the results come in the order of the values.
    static func run<Value: Sendable, Result: Sendable>(
        _ values: [Value],
        limit: Int = ProcessInfo.processInfo.activeProcessorCount,
        _ transform: @escaping @Sendable (Value) async throws -> Result
    ) async throws -> [Result] {
        try await withThrowingTaskGroup(of: (Int, Result).self) { group in
            var results: [Result?] = Array(repeating: nil, count: values.count)
            var next = 0
            func start() {
                let (index, value) = (next, values[next])
                next += 1
                group.addTask {
                    try Task.checkCancellation()
                    return (index, try await transform(value))
                }
            }
            while next < min(limit, values.count) { start() }
            while let (index, result) = try await group.next() {
                results[index] = result
                if next < values.count { start() }
            }
            return results.compactMap { $0 }
        }
    }
}
