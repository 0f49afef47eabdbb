import Foundation
import Glibc
import JSON
import TestSupport
import Testing

/// Under a service manager: a socket that was handed over, readiness, signs of life, a clean end.
@Suite struct ServiceManagerTests {
    @Test func servesAnInheritedSocketAndNotifies() throws {
        guard try runTool("systemd-socket-activate", "--version").status == 0 else {
            print(
                "SKIPPED: servesAnInheritedSocketAndNotifies needs systemd-socket-activate (package systemd)"
            )
            return
        }
        let host = try TestHost()
        let inherited = host.folder.file("inherited.sock")
        let manager = try DatagramSocket(host.folder.file("notify"))
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments =
            [
                "systemd-socket-activate", "-l", inherited, "-E",
                "NOTIFY_SOCKET=\(host.folder.file("notify"))",
                "-E", "WATCHDOG_USEC=200000", try builtProgram("bulkhead-host"), "apiserver",
            ] + host.arguments
        process.standardInput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        defer { if process.isRunning { process.terminate() } }
        var wire: Wire?
        for _ in 0..<400 where wire == nil {
            wire = try? Wire(inherited)
            if wire == nil { usleep(20_000) }
        }
        let client = try #require(wire)
        client.send(TestHost.request("GET", "/os"))
        #expect(try client.response().json["version_id"] == "1.2.3")
        #expect(!FileManager.default.fileExists(atPath: host.socket))
        #expect(try manager.receive().hasPrefix("READY=1"))
        for _ in 0..<3 { #expect(try manager.receive() == "WATCHDOG=1") }
        process.terminate()
        var last = ""
        while last != "STOPPING=1" { last = try manager.receive() }
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        #expect(FileManager.default.fileExists(atPath: inherited))
    }

    @Test func requestsFinishWhenTheServerStops() throws {
        let host = try TestHost().start()
        let watcher = try Wire(host.socket)
        watcher.send(TestHost.request("GET", "/events"))
        _ = try watcher.read(until: "\r\n\r\n")
        let idle = try Wire(host.socket)
        #expect(host.stop() == 0)
        // The stream of events ends as HTTP wants it, not by a broken connection.
        #expect(try watcher.read(until: "0\r\n\r\n").hasSuffix("0\r\n\r\n"))
        #expect(idle.isClosed())
    }
}

/// What a service manager listens on (sd_notify(3)).
private final class DatagramSocket {
    private let descriptor: Int32

    init(_ path: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(107)) }
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else { throw Wire.Failure("bind") }
    }

    deinit { close(descriptor) }

    func receive() throws -> String {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = recv(descriptor, &bytes, bytes.count, 0)
        guard count >= 0 else { throw Wire.Failure("no message from the service") }
        return String(decoding: bytes[..<count], as: UTF8.self)
    }
}
