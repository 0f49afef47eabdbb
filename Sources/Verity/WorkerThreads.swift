import Glibc
import Synchronization

/// Spreads numbered pieces of work over threads of its own, and waits for all of them.
///
/// Threads and not tasks: the work is hashing and blocking reads, which must not occupy the cooperative pool.
enum WorkerThreads {
    /// Number of processors that are online.
    static var processorCount: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

    /// Calls `makeWorker` once a thread, and the function it returns for every piece that this thread gets.
    ///
    /// The calling thread is one of them; if the system refuses further threads, the others do their work.
    /// After an error no new piece is begun, and the first error is thrown.
    static func run(
        pieces: Int,
        threads: Int,
        makeWorker: @escaping @Sendable () -> (Int) throws(VerityError) -> Void
    ) throws(VerityError) {
        let job = Job(pieces: pieces, makeWorker: makeWorker)
        var started: [pthread_t] = []
        for _ in 1..<max(1, min(threads, pieces)) {
            var thread = pthread_t()
            let argument = Unmanaged.passRetained(job)
            let result = pthread_create(
                &thread,
                nil,
                { argument in
                    if let argument { Unmanaged<Job>.fromOpaque(argument).takeRetainedValue().work() }
                    return nil
                },
                argument.toOpaque()
            )
            if result == 0 {
                started.append(thread)
            } else {
                argument.release()
                break
            }
        }
        job.work()
        for thread in started { pthread_join(thread, nil) }
        if let failure = job.failure.withLock({ $0 }) { throw failure }
    }

    private final class Job: Sendable {
        let pieces: Int
        let makeWorker: @Sendable () -> (Int) throws(VerityError) -> Void
        let next = Atomic<Int>(0)
        let failure = Mutex<VerityError?>(nil)

        init(pieces: Int, makeWorker: @escaping @Sendable () -> (Int) throws(VerityError) -> Void) {
            self.pieces = pieces
            self.makeWorker = makeWorker
        }

        func work() {
            let worker = makeWorker()
            while true {
                let piece = next.wrappingAdd(1, ordering: .relaxed).oldValue
                guard piece < pieces else { return }
                do throws(VerityError) {
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

/// Memory of fixed size whose parts are written by several threads, each its own.
final class SharedBuffer: @unchecked Sendable {
    let bytes: UnsafeMutableRawBufferPointer

    /// Zeroed memory of a number of bytes.
    init(byteCount: Int) {
        bytes = .allocate(byteCount: byteCount, alignment: VerityFormat.blockSize)
        bytes.initializeMemory(as: UInt8.self, repeating: 0)
    }

    deinit { bytes.deallocate() }

    /// A part of the memory.
    subscript(offset: Int, count: Int) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(rebasing: bytes[offset..<offset + count])
    }
}
