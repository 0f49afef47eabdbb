import Foundation
import Glibc
import Synchronization
import TestSupport

/// A server on a Unix socket that plays a script: what a wrong, slow or dying server sends.
final class ScriptedServer: Sendable {
    enum Step: Sendable {
        case send(String)
        case sendBytes([UInt8])
        /// Sends every byte on its own.
        case dribble(String)
        /// Keeps the connection open until the client closes it.
        case waitForClient
        /// Goes on without reading the request's body.
        case dontReadBody
    }

    private let folder: TemporaryDirectory
    private let listener: Int32
    private let received = Requests()
    var path: String { folder.file("api.sock") }
    /// The requests so far, as they came.
    var requests: [String] { received.all.withLock { $0 } }

    private final class Requests: Sendable {
        let all = Mutex<[String]>([])
    }

    init(_ steps: [Step]) throws {
        folder = try TemporaryDirectory()
        listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        let path = folder.file("api.sock")
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard bound == 0, listen(listener, 8) == 0 else { throw POSIXError(.EIO) }
        Thread.detachNewThread { [listener, received] in
            while true {
                let client = accept(listener, nil, nil)
                if client < 0 { break }
                Thread.detachNewThread { Self.serve(client, steps, received) }
            }
            close(listener)
        }
    }

    deinit {
        // Wakes the thread, which closes it: closed here, its number could be another server's when it accepts again.
        shutdown(listener, Int32(SHUT_RDWR))
    }

    private static func serve(_ client: Int32, _ steps: [Step], _ received: Requests) {
        defer { close(client) }
        let readsBody = !steps.contains { if case .dontReadBody = $0 { true } else { false } }
        let request = readRequest(client, withBody: readsBody)
        received.all.withLock { $0.append(request) }
        for step in steps {
            switch step {
            case .send(let text): sendAll(client, Array(text.utf8))
            case .sendBytes(let bytes): sendAll(client, bytes)
            case .dribble(let text): for byte in text.utf8 { sendAll(client, [byte]) }
            case .waitForClient:
                var byte: UInt8 = 0
                while recv(client, &byte, 1, 0) > 0 {}
            case .dontReadBody: break
            }
        }
    }

    private static func sendAll(_ client: Int32, _ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                send(client, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count <= 0 { return }
            rest = rest.dropFirst(count)
        }
    }

    private static func readRequest(_ client: Int32, withBody: Bool) -> String {
        var text: [UInt8] = []
        var byte: UInt8 = 0
        while !text.suffix(4).elementsEqual("\r\n\r\n".utf8), recv(client, &byte, 1, 0) == 1 {
            text.append(byte)
        }
        let head = String(decoding: text, as: UTF8.self)
        let length = head.lowercased().firstRange(of: "content-length: ").flatMap {
            Int(head[$0.upperBound...].prefix { $0.isNumber })
        }
        for _ in 0..<(withBody ? length ?? 0 : 0) where recv(client, &byte, 1, 0) == 1 { text.append(byte) }
        return String(decoding: text, as: UTF8.self)
    }
}
