import Foundation
import Glibc
import Testing

/// nginx(8) on ports of 127.0.0.1 that nobody else uses, until the value goes away.
public final class WebServer: Sendable {
    /// A request and its answer.
    public struct Request: Sendable {
        /// What was asked for, with a leading slash.
        public let path: String
        /// The answer's status.
        public let status: Int
        /// Bytes of the answer's body that were sent.
        public let byteCount: Int
    }

    private struct NotListening: Error, CustomStringConvertible {
        let description: String
    }

    /// Where it listens.
    public let ports: [Int]
    private let place: TemporaryDirectory
    private let process: Int32

    /// Serves a folder at one port.
    ///
    /// - Parameter directives: more of nginx's configuration for it.
    public convenience init(folder: String, directives: String = "") throws {
        try self.init(portCount: 1) { ports in
            "server { listen 127.0.0.1:\(ports[0]); root \(folder); \(directives) }"
        }
    }

    /// Serves what a configuration says, and waits until it listens on all ports.
    ///
    /// - Parameters:
    ///   - portCount: how many ports the configuration is given.
    ///   - servers: the `server` blocks of nginx's configuration, which listen on these ports.
    public init(portCount: Int, servers: ([Int]) -> String) throws {
        place = try TemporaryDirectory()
        ports = try freePorts(portCount)
        let path = place.path
        let text = """
            daemon off; master_process off; pid \(path)/pid; error_log \(path)/error.log; events {}
            http {
              log_format requests '$request_uri $status $body_bytes_sent';
              access_log \(path)/requests requests;
              client_body_temp_path \(path)/t1; proxy_temp_path \(path)/t2; fastcgi_temp_path \(path)/t3;
              uwsgi_temp_path \(path)/t4; scgi_temp_path \(path)/t5;
              \(servers(ports))
            }
            """
        try Data(text.utf8).write(to: place.url.appending(path: "nginx.conf"))
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["nginx", "-e", "\(path)/error.log", "-p", path, "-c", "\(path)/nginx.conf"]
        process.environment = ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"]
        process.standardInput = FileHandle.nullDevice
        // A process that is left over must not keep whoever reads our output waiting.
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        self.process = process.processIdentifier
        LeftOvers.add(process: self.process)
        for port in ports {
            guard !isAnswered(port) else { continue }
            let log = (try? String(contentsOfFile: "\(path)/error.log", encoding: .utf8)) ?? ""
            throw NotListening(description: "nginx does not listen on port \(port): \(log)")
        }
    }

    deinit { LeftOvers.end(process: process) }

    /// What was asked for so far.
    public var requests: [Request] {
        let text = (try? String(contentsOfFile: place.file("requests"), encoding: .utf8)) ?? ""
        return text.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: " ")
            guard fields.count == 3, let status = Int(fields[1]), let count = Int(fields[2]) else {
                return nil
            }
            return Request(path: String(fields[0]), status: status, byteCount: count)
        }
    }
}

/// Different ports of 127.0.0.1 that nobody listens on.
public func freePorts(_ count: Int) throws -> [Int] {
    // Held until all are found, or the same one might be found twice.
    var descriptors: [Int32] = []
    defer { for descriptor in descriptors { close(descriptor) } }
    return try (0..<count).map { _ in
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        descriptors.append(descriptor)
        var address = loopback(port: 0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 ? getsockname(descriptor, $0, &length) : -1
            }
        }
        try #require(status == 0, "no port of 127.0.0.1 is free")
        return Int(UInt16(bigEndian: address.sin_port))
    }
}

/// Waits until somebody listens on a port of 127.0.0.1, for up to twenty seconds.
public func isAnswered(_ port: Int) -> Bool {
    for _ in 0..<400 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = loopback(port: port)
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        if status == 0 { return true }
        usleep(50_000)
    }
    return false
}

private func loopback(port: Int) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    address.sin_port = UInt16(port).bigEndian
    return address
}
