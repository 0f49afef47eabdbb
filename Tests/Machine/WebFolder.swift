import Foundation
import Glibc
import TestSupport
import Testing

/// A folder that nginx serves on the loopback interface, which guests see as 10.0.2.2.
final class WebFolder: Sendable {
    /// The folder; what is put there is served at once.
    let folder: String
    private let place: TemporaryDirectory
    private let port: UInt16
    private let identifier: pid_t

    init() throws {
        place = try TemporaryDirectory()
        folder = place.file("www")
        port = try Self.freePort()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let path = place.path
        let text = """
            daemon off; master_process off; pid \(path)/pid; error_log \(path)/error.log; events {}
            http {
              access_log \(path)/access.log;
              client_body_temp_path \(path)/t1; proxy_temp_path \(path)/t2; fastcgi_temp_path \(path)/t3;
              uwsgi_temp_path \(path)/t4; scgi_temp_path \(path)/t5;
              server { listen 127.0.0.1:\(port); root \(folder); }
            }
            """
        try Data(text.utf8).write(to: place.url.appending(path: "nginx.conf"))
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["nginx", "-e", "\(path)/error.log", "-p", path, "-c", "\(path)/nginx.conf"]
        process.environment = ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"]
        process.standardInput = FileHandle.nullDevice
        try process.run()
        identifier = process.processIdentifier
        for _ in 0..<400 where !Self.answers(port) { usleep(50_000) }
        try #require(Self.answers(port), "nginx does not listen on port \(port)")
    }

    deinit { kill(identifier, SIGKILL) }

    /// Where a guest finds a file of the folder: QEMU's user network has the host's loopback interface at 10.0.2.2.
    func guestURL(_ path: String) -> String { "http://10.0.2.2:\(port)/\(path)" }

    /// Where programs on the host of the tests find it.
    func hostURL(_ path: String) -> String { "http://127.0.0.1:\(port)/\(path)" }

    /// What was asked for: a line a request.
    var requests: [String] {
        let text = (try? String(contentsOfFile: place.file("access.log"), encoding: .utf8)) ?? ""
        return text.split(separator: "\n").map(String.init)
    }

    /// A port that nobody listens on.
    private static func freePort() throws -> UInt16 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = loopback(port: 0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 ? getsockname(descriptor, $0, &length) : -1
            }
        }
        try #require(status == 0, "no port of 127.0.0.1 is free")
        return UInt16(bigEndian: address.sin_port)
    }

    private static func answers(_ port: UInt16) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = loopback(port: port)
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    private static func loopback(port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        return address
    }
}
