import Glibc
import NIOCore
import NIOPosix

/// Standard input, output and error, read and written on threads of their own: files and terminals make callers wait.
final class LocalStreams: Sendable {
    /// What one look at standard input gave.
    enum Input: Sendable {
        case bytes(ByteBuffer)
        case end
    }

    /// Standard output or error takes no more.
    struct WriteFailure: Error {
        var errno: Int32
    }

    // One for each direction. Never stopped: a thread that waits for a key can't be.
    private static let pool: NIOThreadPool = {
        let pool = NIOThreadPool(numberOfThreads: 2)
        pool.start()
        return pool
    }()

    private let loop: any EventLoop

    init(loop: any EventLoop) { self.loop = loop }

    /// Reads what there is of standard input, once there is something.
    func read(atMost limit: Int) -> EventLoopFuture<Input> {
        Self.pool.runIfActive(eventLoop: loop) {
            var buffer = ByteBuffer()
            while true {
                var (count, number) = (0, Int32(0))
                buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: limit) { bytes in
                    count = Glibc.read(STDIN_FILENO, bytes.baseAddress, limit)
                    number = errno
                    return max(0, count)
                }
                if count > 0 { return .bytes(buffer) }
                guard count < 0 else { return .end }
                switch number {
                case EINTR: continue
                // Someone else has made the terminal so.
                case EAGAIN: Self.wait(for: STDIN_FILENO, Int16(POLLIN))
                // A terminal that hung up, or no standard input at all.
                default: return .end
                }
            }
        }
    }

    /// Writes everything, in order.
    ///
    /// - Returns: fails with `WriteFailure`.
    func write(_ pieces: [(descriptor: Int32, bytes: ByteBuffer)]) -> EventLoopFuture<Void> {
        Self.pool.runIfActive(eventLoop: loop) {
            for piece in pieces {
                var bytes = piece.bytes
                while bytes.readableBytes > 0 {
                    let count = bytes.withUnsafeReadableBytes {
                        Glibc.write(piece.descriptor, $0.baseAddress, $0.count)
                    }
                    if count >= 0 {
                        bytes.moveReaderIndex(forwardBy: count)
                        continue
                    }
                    switch errno {
                    case EINTR: continue
                    case EAGAIN: Self.wait(for: piece.descriptor, Int16(POLLOUT))
                    default: throw WriteFailure(errno: errno)
                    }
                }
            }
        }
    }

    private static func wait(for descriptor: Int32, _ events: Int16) {
        var poll = pollfd(fd: descriptor, events: events, revents: 0)
        _ = Glibc.poll(&poll, 1, 1000)
    }
}
