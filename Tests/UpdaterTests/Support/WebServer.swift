import Foundation
import Glibc
import TestSupport
import Testing

/// nginx over a folder, behind a line that counts what passes and can be cut.
final class WebServer: Sendable {
    let line: Line
    private let process: Int32
    private let folder: TemporaryDirectory

    /// Serves a folder until the value goes away.
    ///
    /// - Parameter hasRanges: whether parts of files can be asked for.
    init(_ path: String, hasRanges: Bool = true) throws {
        folder = try TemporaryDirectory()
        let port = try freePort()
        let text = """
            daemon off; master_process off; pid \(folder.path)/pid; error_log \(folder.path)/error.log; events {}
            http {
              log_format requests '$request_uri $status $body_bytes_sent';
              access_log \(folder.path)/requests requests;
              client_body_temp_path \(folder.path)/t1; proxy_temp_path \(folder.path)/t2;
              fastcgi_temp_path \(folder.path)/t3; uwsgi_temp_path \(folder.path)/t4;
              scgi_temp_path \(folder.path)/t5;
              server { listen 127.0.0.1:\(port); root \(path); \(hasRanges ? "" : "max_ranges 0;") }
            }
            """
        try Data(text.utf8).write(to: folder.url.appending(path: "nginx.conf"))
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [
            "nginx", "-e", folder.file("error.log"), "-p", folder.path, "-c", folder.file("nginx.conf"),
        ]
        process.environment = ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"]
        process.standardInput = FileHandle.nullDevice
        try process.run()
        self.process = process.processIdentifier
        try waitForPort(port)
        line = try Line(to: port)
    }

    // Children inherit a mask from the threads that tests run on, which blocks SIGTERM.
    deinit { kill(process, SIGKILL) }

    var url: String { "http://127.0.0.1:\(line.port)" }

    /// What was asked for, of all files whose path ends so: each with the answer's status.
    func requests(_ suffix: String) -> [Int] {
        let text = (try? String(contentsOfFile: folder.file("requests"), encoding: .utf8)) ?? ""
        return text.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: " ")
            return fields.count == 3 && fields[0].hasSuffix(suffix) ? Int(fields[1]) : nil
        }
    }
}

/// A line to a port of this machine that counts the bytes that come from there, and breaks after so many.
final class Line: @unchecked Sendable {
    private static let program = #"""
        import socket, struct, sys, threading
        target = int(sys.argv[1])
        lock, count, limit, pairs = threading.Lock(), 0, None, set()

        def reset(connection):
            try:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                connection.shutdown(socket.SHUT_RDWR)
            except OSError: pass
            connection.close()

        def down(client, server):
            global count
            try:
                while data := server.recv(16384):
                    with lock:
                        if limit is not None: data = data[:limit - count]
                        count += len(data)
                        cut = count == limit
                    client.sendall(data)
                    if cut:
                        # What was sent shall arrive before the line is dead.
                        client.shutdown(socket.SHUT_WR)
                        break
            except OSError: pass
            server.close()

        def up(client, server):
            try:
                while data := client.recv(16384): server.sendall(data)
            except OSError: pass
            server.close()
            client.close()

        def serve(listener):
            while True:
                client, _ = listener.accept()
                with lock: cut = limit is not None and count >= limit
                if cut: reset(client); continue
                server = socket.create_connection(("127.0.0.1", target))
                threading.Thread(target=down, args=(client, server), daemon=True).start()
                threading.Thread(target=up, args=(client, server), daemon=True).start()

        listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        print(listener.getsockname()[1], flush=True)
        for command in sys.stdin:
            with lock:
                if command.startswith("cut"): count, limit = 0, int(command.split()[1])
                if command.startswith("mend"): count, limit = 0, None
                print(count, flush=True)
        """#

    let port: Int
    private let process: Int32
    private let commands: FileHandle
    private let answers: FileHandle
    private let lock = NSLock()

    init(to port: Int) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["python3", "-c", Self.program, String(port)]
        let (input, output) = (Pipe(), Pipe())
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        self.process = process.processIdentifier
        commands = input.fileHandleForWriting
        answers = output.fileHandleForReading
        let line = String(decoding: answers.availableData, as: UTF8.self)
        self.port = try #require(Int(line.trimmingCharacters(in: .whitespacesAndNewlines)))
    }

    deinit { kill(process, SIGKILL) }

    /// Bytes that came since the line was cut or mended last.
    var count: Int { ask("count") }

    /// Lets so many bytes through from now on, and then none.
    func cut(after bytes: Int) { _ = ask("cut \(bytes)") }

    /// Lets everything through.
    func mend() { _ = ask("mend") }

    private func ask(_ command: String) -> Int {
        lock.withLock {
            commands.write(Data("\(command)\n".utf8))
            let line = String(decoding: answers.availableData, as: UTF8.self)
            return Int(line.trimmingCharacters(in: .whitespacesAndNewlines)) ?? -1
        }
    }
}

/// A port of 127.0.0.1 that nobody listens on.
private func freePort() throws -> Int {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = loopback(port: 0)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let status = withUnsafeMutablePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            bind(descriptor, $0, length) == 0 ? getsockname(descriptor, $0, &length) : -1
        }
    }
    try #require(status == 0)
    return Int(UInt16(bigEndian: address.sin_port))
}

/// Waits until somebody listens on a port of 127.0.0.1, for up to twenty seconds.
private func waitForPort(_ port: Int) throws {
    for _ in 0..<400 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = loopback(port: port)
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        if status == 0 { return }
        usleep(50_000)
    }
    Issue.record("nothing listens on port \(port)")
}

private func loopback(port: Int) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    address.sin_port = UInt16(port).bigEndian
    return address
}
