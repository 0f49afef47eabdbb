import Synchronization

/// Runs stages, tells the observer about them, and remembers what each took.
final class StageLog: Sendable {
    let observer: any BuildObserver
    private let finished = Mutex<[StageRecord]>([])

    init(observer: any BuildObserver) {
        self.observer = observer
    }

    /// The stages that have ended, in the order in which they did.
    var records: [StageRecord] { finished.withLock { $0 } }

    /// Runs a stage whose body says whether its result was there already.
    ///
    /// - Throws: `BuildError.stage` with the stage's name around what the body throws; `CancellationError`.
    func run<Result>(_ name: String, _ body: () async throws -> (Result, cached: Bool)) async throws -> Result
    {
        try Task.checkCancellation()
        observer.stageStarted(name)
        let start = ContinuousClock.now
        let (result, cached): (Result, Bool)
        do {
            (result, cached) = try await body()
        } catch {
            // What failed because the user wanted it to end is no failure of the stage.
            if Task.isCancelled { throw CancellationError() }
            throw BuildError.stage(name, cause: error)
        }
        let record = StageRecord(name: name, cached: cached, duration: ContinuousClock.now - start)
        finished.withLock { $0.append(record) }
        observer.stageFinished(name, cached: cached, duration: record.duration)
        return result
    }
}
