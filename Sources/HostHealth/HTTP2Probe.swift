import Glibc

/// Asks a Unix socket whether an HTTP/2 server, such as a gRPC service, is behind it.
enum HTTP2Probe {
    /// The client connection preface of RFC 9113, section 3.4, and an empty SETTINGS frame.
    private static let preface =
        Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + [0, 0, 0, 4, 0, 0, 0, 0, 0]
    /// Size of a frame's header and the type of the frame that a server must send first.
    private static let frameHeaderSize = 9
    private static let settingsFrame: UInt8 = 4

    /// Connects, sends the preface and waits for the server's SETTINGS frame.
    ///
    /// - Parameters:
    ///   - socket: path of the Unix socket.
    ///   - timeout: limit for each read and write, in seconds.
    static func run(socket path: String, timeout: Int) throws(ProbeError) {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw .connect(path: path, errno: errno) }
        defer { close(descriptor) }
        var limit = timeval(tv_sec: timeout, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }

        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        let capacity = MemoryLayout.size(ofValue: address.sun_path)
        guard bytes.count < capacity else { throw .connect(path: path, errno: ENAMETOOLONG) }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard connected == 0 else { throw .connect(path: path, errno: errno) }

        guard send(descriptor, preface, preface.count, Int32(MSG_NOSIGNAL)) == preface.count else {
            throw .noAnswer(path: path, errno: errno)
        }
        var header = [UInt8](repeating: 0, count: frameHeaderSize)
        let received = recv(descriptor, &header, header.count, Int32(MSG_WAITALL))
        guard received == header.count else { throw .noAnswer(path: path, errno: received < 0 ? errno : 0) }
        guard header[3] == settingsFrame else { throw .otherProtocol(path: path) }
    }
}

/// Why a socket is not an HTTP/2 server.
enum ProbeError: Error, Equatable, CustomStringConvertible {
    case connect(path: String, errno: Int32)
    case noAnswer(path: String, errno: Int32)
    case otherProtocol(path: String)

    var description: String {
        switch self {
        case .connect(let path, let errno):
            return "cannot connect to \(path): \(String(cString: strerror(errno)))"
        case .noAnswer(let path, 0):
            return "\(path) was closed without an answer"
        case .noAnswer(let path, let errno):
            return "no answer from \(path): \(String(cString: strerror(errno)))"
        case .otherProtocol(let path):
            return "\(path) answered, but not with HTTP/2"
        }
    }
}
