/// Sees how a build goes on; implementations print to a terminal or a log.
public protocol BuildObserver: Sendable {
    /// A stage begins.
    func stageStarted(_ name: String)
    /// A part of a running stage is done; the unit is "bytes", "packages", "files" ...
    func stageAdvanced(_ name: String, done: Int, total: Int, unit: String)
    /// A stage has ended; `cached` when its result was there already.
    func stageFinished(_ name: String, cached: Bool, duration: Duration)
    /// Something a reader of the log should know.
    func note(_ text: String)
}

/// What a stage took, for the table at the end of a build.
public struct StageRecord: Sendable {
    /// The stage's name.
    public let name: String
    /// Whether its result was there already.
    public let cached: Bool
    /// How long it took.
    public let duration: Duration
}
