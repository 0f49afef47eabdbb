import UpdateEngine

/// Blocks on their way to the slot: one task writes and flushes them while the next ones are fetched and unpacked.
///
/// It holds little, because what it holds must be fetched again when this program is killed.
actor WriteQueue {
    /// Bytes that wait or are being written before the one who brings more has to wait: 512 KiB, and a piece.
    private static let limit = 512 << 10

    private var pieces: [(first: UInt64, bytes: [UInt8])] = []
    private var byteCount = 0
    private var isEnded = false
    /// What the slot's sink threw; nothing is written after it.
    private var failure: (any Error)?
    /// Waits for room.
    private var giver: CheckedContinuation<Void, Never>?
    /// Waits for a piece.
    private var writer: CheckedContinuation<Void, Never>?

    /// Runs a function that puts blocks into a queue, one after the other, and returns when all are written.
    ///
    /// What was put before the function threw is written all the same, unless the task was cancelled: it was fetched and is
    /// right.
    /// - Throws: What the sink throws, or the function.
    static func run(to sink: BlockSink, _ body: (WriteQueue) async throws -> Void) async throws {
        let queue = WriteQueue()
        let writer = Task { await queue.writeAll(to: sink) }
        try await withTaskCancellationHandler {
            do {
                try await body(queue)
            } catch {
                await queue.end()
                await writer.value
                throw error
            }
            await queue.end()
            await writer.value
            if let failure = await queue.failure { throw failure }
        } onCancel: {
            writer.cancel()
        }
    }

    /// Puts blocks into the queue as soon as there is room; from one task.
    ///
    /// - Throws: What the sink threw at blocks before these.
    func put(_ bytes: [UInt8], at first: UInt64) async throws {
        while failure == nil, byteCount >= Self.limit {
            await withCheckedContinuation { giver = $0 }
        }
        if let failure { throw failure }
        pieces.append((first, bytes))
        byteCount += bytes.count
        writer?.resume()
        writer = nil
    }

    private func end() {
        isEnded = true
        writer?.resume()
        writer = nil
    }

    private func writeAll(to sink: BlockSink) async {
        while failure == nil {
            guard !pieces.isEmpty else {
                if isEnded { return }
                await withCheckedContinuation { writer = $0 }
                continue
            }
            let piece = pieces.removeFirst()
            do { try await sink.write(piece.bytes, at: piece.first) } catch { failure = error }
            byteCount -= piece.bytes.count
            giver?.resume()
            giver = nil
        }
    }
}
