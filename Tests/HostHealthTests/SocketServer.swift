import Foundation
import Glibc
import Testing

/// A server on a Unix socket that reads what comes and sends fixed bytes, to one client.
struct SocketServer {
    /// What the client sent until the answer went out, and after it.
    let received: @Sendable () -> [UInt8]

    /// Listens and serves in a thread of its own.
    ///
    /// - Parameters:
    ///   - answer: what is sent; nil to send nothing and keep the connection.
    ///   - request: how many bytes are awaited before.
    @discardableResult
    init(at path: String, awaiting request: Int = 1, answer: [UInt8]?) throws {
        let listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(bound == 0 && listen(listener, 1) == 0)
        let state = State()
        let thread = Thread {
            let client = accept(listener, nil, nil)
            var buffer = [UInt8](repeating: 0, count: 4096)
            var count = 0
            while count < request {
                let size = recv(client, &buffer, buffer.count, 0)
                guard size > 0 else { break }
                state.add(buffer[..<size])
                count += size
            }
            if let answer { _ = send(client, answer, answer.count, Int32(MSG_NOSIGNAL)) }
            if answer != nil { shutdown(client, Int32(SHUT_WR)) }
            while true {
                let size = recv(client, &buffer, buffer.count, 0)
                guard size > 0 else { break }
                state.add(buffer[..<size])
            }
            close(client)
            close(listener)
            state.end()
        }
        thread.start()
        received = { state.all() }
    }

    private final class State: @unchecked Sendable {
        private let condition = NSCondition()
        private var bytes: [UInt8] = []
        private var isOver = false

        func add(_ new: ArraySlice<UInt8>) {
            condition.withLock { bytes += new }
        }

        func end() {
            condition.withLock { isOver = true }
            condition.broadcast()
        }

        func all() -> [UInt8] {
            condition.withLock {
                while !isOver { condition.wait() }
                return bytes
            }
        }
    }
}
