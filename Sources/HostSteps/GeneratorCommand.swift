internal import JSON

/// Runs a generator: a program that prints one JSON value.
enum GeneratorCommand {
    /// How long a generator may take.
    static let timeLimit = Duration.seconds(20)

    /// The value that a program prints.
    ///
    /// - Throws: `StepError` when it can't be started, takes too long, prints too much or no JSON, or fails.
    static func value(of command: [String], timeLimit: Duration = timeLimit) throws(StepError) -> JSONValue {
        let bytes = try CommandRun.output(of: command, timeLimit: timeLimit)
        do {
            return try JSONValue(parsing: bytes)
        } catch {
            throw StepError("what it printed is no JSON: \(error)")
        }
    }
}
