/// Hands pieces from several producers to one consumer, which takes one at a time.
///
/// A producer waits until its piece is taken, so no more than one piece for each producer is held.
package actor Handover<Piece: Sendable> {
    private var waiting: [(piece: Piece, taken: CheckedContinuation<Void, any Error>)] = []
    private var consumer: CheckedContinuation<Piece?, any Error>?
    private var end: Result<Void, any Error>?

    package init() {}

    /// Gives a piece; returns when it was taken.
    ///
    /// - Throws: `CancellationError` when nobody will take it.
    package func give(_ piece: Piece) async throws {
        if end != nil { throw CancellationError() }
        if let consumer {
            self.consumer = nil
            consumer.resume(returning: piece)
            return
        }
        try await withCheckedThrowingContinuation { waiting.append((piece, $0)) }
    }

    /// Takes the next piece; nil after the last.
    package func next() async throws -> Piece? {
        if !waiting.isEmpty {
            let (piece, taken) = waiting.removeFirst()
            taken.resume()
            return piece
        }
        if let end {
            try end.get()
            return nil
        }
        return try await withCheckedThrowingContinuation { consumer = $0 }
    }

    /// Ends it, for a reason: whoever waits, on either side, goes on.
    package func finish(_ result: Result<Void, any Error>) {
        guard end == nil else { return }
        end = result
        for (_, taken) in waiting { taken.resume(throwing: CancellationError()) }
        waiting = []
        consumer?.resume(with: result.map { nil })
        consumer = nil
    }
}
