/// Asks an HTTP/1.1 server on a Unix socket for `/`.
enum HTTPProbe {
    private static let expected = Array("HTTP/1.1 200".utf8)

    /// Connects, asks, and reads the status of the answer.
    ///
    /// - Parameters:
    ///   - path: path of the Unix socket.
    ///   - timeout: limit for all of it.
    /// - Throws: `ProbeError` unless the status is 200.
    static func run(socket path: String, timeout: Duration) throws(ProbeError) {
        let connection = try UnixConnection(to: path, timeout: timeout)
        try connection.send(Array("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".utf8))
        let answer = try connection.receive(expected.count)
        guard answer.starts(with: expected.prefix(5)) else {
            throw .otherProtocol(path: path, expected: "HTTP")
        }
        guard answer == expected else {
            throw .refused(path: path, answer: String(decoding: answer, as: UTF8.self))
        }
    }
}
