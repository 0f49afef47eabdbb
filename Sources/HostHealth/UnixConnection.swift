import Glibc

/// A connection to a Unix stream socket of which all reads and writes together end at a deadline.
struct UnixConnection: ~Copyable {
    private let descriptor: Int32
    private let path: String
    private let deadline: ContinuousClock.Instant

    /// Connects.
    ///
    /// - Parameters:
    ///   - path: path of the socket.
    ///   - timeout: limit for all that is done with the connection.
    init(to path: String, timeout: Duration) throws(ProbeError) {
        self.path = path
        deadline = ContinuousClock.now.advanced(by: timeout)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        let capacity = MemoryLayout.size(ofValue: address.sun_path)
        guard bytes.count < capacity else { throw .connect(path: path, errno: ENAMETOOLONG) }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }

        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw .connect(path: path, errno: errno) }
        // A server whose queue is full makes connect(2) wait for as long as a write may.
        Self.limit(descriptor, SO_SNDTIMEO, to: timeout)
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard connected == 0 else {
            let error = ProbeError.connect(path: path, errno: errno)
            close(descriptor)
            throw error
        }
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// Sends all bytes.
    func send(_ bytes: [UInt8]) throws(ProbeError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            Self.limit(descriptor, SO_SNDTIMEO, to: try remaining())
            let count = rest.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw .noAnswer(path: path, errno: errno)
            }
            rest = rest.dropFirst(count)
        }
    }

    /// Receives exactly so many bytes.
    func receive(_ count: Int) throws(ProbeError) -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: count)
        while bytes.count < count {
            Self.limit(descriptor, SO_RCVTIMEO, to: try remaining())
            let received = recv(descriptor, &buffer, count - bytes.count, 0)
            if received < 0 {
                if errno == EINTR { continue }
                throw .noAnswer(path: path, errno: errno)
            }
            guard received > 0 else { throw .noAnswer(path: path, errno: 0) }
            bytes += buffer[..<received]
        }
        return bytes
    }

    private func remaining() throws(ProbeError) -> Duration {
        let rest = ContinuousClock.now.duration(to: deadline)
        guard rest > .zero else { throw .noAnswer(path: path, errno: ETIMEDOUT) }
        return rest
    }

    private static func limit(_ descriptor: Int32, _ option: Int32, to duration: Duration) {
        let (seconds, attoseconds) = duration.components
        // Zero would mean no limit.
        var limit = timeval(tv_sec: Int(seconds), tv_usec: max(Int(attoseconds / 1_000_000_000_000), 1))
        setsockopt(descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
    }
}

/// Why a server behind a Unix socket does not work.
enum ProbeError: Error, Equatable, CustomStringConvertible {
    /// Nobody listens.
    case connect(path: String, errno: Int32)
    /// It took the connection, and did not answer in time or, with 0, closed it.
    case noAnswer(path: String, errno: Int32)
    /// What listens is another kind of server.
    case otherProtocol(path: String, expected: String)
    /// It answered that it can't.
    case refused(path: String, answer: String)

    var description: String {
        switch self {
        case .connect(let path, let errno):
            "cannot connect to \(path): \(String(cString: strerror(errno)))"
        case .noAnswer(let path, 0):
            "\(path) was closed without an answer"
        case .noAnswer(let path, EAGAIN), .noAnswer(let path, ETIMEDOUT):
            "no answer from \(path) in time"
        case .noAnswer(let path, let errno):
            "no answer from \(path): \(String(cString: strerror(errno)))"
        case .otherProtocol(let path, let expected):
            "\(path) answered, but not with \(expected)"
        case .refused(let path, let answer):
            "\(path) answered: \(answer)"
        }
    }
}
