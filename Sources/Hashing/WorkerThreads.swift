import Glibc
import Synchronization

/// Spreads numbered pieces of work over threads of its own, and waits for all of them.
///
/// Threads and not tasks: the work is hashing and blocking reads, which must not occupy the cooperative pool.
public enum WorkerThreads {
    /// Number of processors that are online.
    public static var processorCount: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

    /// Number of threads for work of which each piece waits for a disk: while one waits another one hashes.
    ///
    /// No more than 8 on any machine, as each has memory of its own.
    public static var readerCount: Int { min(8, 2 * processorCount) }

    /// Calls `makeWorker` once a thread, and the function it returns for every piece that this thread gets.
    ///
    /// The calling thread is one of them; if the system refuses further threads, the others do their work.
    /// After an error no new piece is begun, and the first error is thrown.
    ///
    /// - Parameters:
    ///   - pieces: how many there are; they have the numbers from 0 on.
    ///   - threads: how many there may be at most.
    public static func run<Failure: Error>(
        pieces: Int,
        threads: Int = processorCount,
        makeWorker: @escaping @Sendable () -> (Int) throws(Failure) -> Void
    ) throws(Failure) {
        let job = Job(pieces: pieces, makeWorker: makeWorker)
        var started: [pthread_t] = []
        for _ in 1..<max(1, min(threads, pieces)) {
            guard let thread = startThread({ job.work() }) else { break }
            started.append(thread)
        }
        job.work()
        for thread in started { pthread_join(thread, nil) }
        if let failure = job.failure.withLock({ $0 }) { throw failure }
    }

    private final class Job<Failure: Error>: Sendable {
        let pieces: Int
        let makeWorker: @Sendable () -> (Int) throws(Failure) -> Void
        let next = Atomic<Int>(0)
        let failure = Mutex<Failure?>(nil)

        init(pieces: Int, makeWorker: @escaping @Sendable () -> (Int) throws(Failure) -> Void) {
            self.pieces = pieces
            self.makeWorker = makeWorker
        }

        func work() {
            let worker = makeWorker()
            while true {
                let piece = next.wrappingAdd(1, ordering: .relaxed).oldValue
                guard piece < pieces else { return }
                do throws(Failure) {
                    try worker(piece)
                } catch {
                    failure.withLock { $0 = $0 ?? error }
                    next.store(pieces, ordering: .relaxed)
                    return
                }
            }
        }
    }
}
