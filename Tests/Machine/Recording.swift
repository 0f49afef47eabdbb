import Testing

/// What takes long to make and several tests look at: it is made once, when the first of them asks for it.
///
/// Kept in a static property, which is not there before it is asked for.
struct Recording<Value: Sendable>: Sendable {
    private let task: Task<Value, any Error>

    /// Begins to make it, on threads that may be blocked.
    init(_ make: @escaping @Sendable () async throws -> Value) {
        task = Task(executorPreference: ThreadExecutor.shared) { try await make() }
    }

    /// What was made.
    ///
    /// - Throws: `RecordingFailure`, so that every test fails that wants it. The error itself would not do: one of
    ///   `#require` counts for a test only where it was thrown, and the others would pass with nothing checked.
    var value: Value {
        get async throws {
            do {
                return try await task.value
            } catch is ExpectationFailedError {
                throw RecordingFailure(reason: "the first test that wanted it says why")
            } catch {
                throw RecordingFailure(reason: "\(error)")
            }
        }
    }
}

/// What a test looks at could not be made.
struct RecordingFailure: Error, CustomStringConvertible {
    let reason: String
    var description: String { "what this test looks at could not be made: \(reason)" }
}
