import Foundation
import Glibc
import Synchronization
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
        // A process that is left over must not keep whoever reads our output waiting.
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        self.process = process.processIdentifier
        LeftOvers.add(process: self.process)
        try waitForPort(port)
        line = try Line(to: port)
    }

    // Children inherit a mask from the threads that tests run on, which blocks SIGTERM.
    deinit { LeftOvers.end(process: process) }

    var url: String { "http://127.0.0.1:\(line.port)" }

    /// What was asked for, of all files whose path ends so: each with the answer's status.
    func requests(_ suffix: String) -> [Int] { answers(suffix).map(\.status) }

    /// How many bytes were sent of all files whose path ends so, with what is between several ranges.
    func bytes(_ suffix: String) -> Int { answers(suffix).reduce(0) { $0 + $1.bytes } }

    private func answers(_ suffix: String) -> [(status: Int, bytes: Int)] {
        let text = (try? String(contentsOfFile: folder.file("requests"), encoding: .utf8)) ?? ""
        return text.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: " ")
            guard fields.count == 3, fields[0].hasSuffix(suffix), let status = Int(fields[1]),
                let bytes = Int(fields[2])
            else { return nil }
            return (status, bytes)
        }
    }
}

/// A line to a port of this machine that counts the bytes that come from there, and breaks after so many.
final class Line: @unchecked Sendable {
    private static let program = #"""
        import socket, struct, sys, threading, time
        target = int(sys.argv[1])
        lock, count, limit, held = threading.Lock(), 0, None, False

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
                    while held: time.sleep(0.05)
                    client.sendall(data)
                    if cut:
                        # A network is slower than its reader: what came has been read when the line is dead.
                        time.sleep(3)
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
                if command.startswith("hold"): held = True
                if command.startswith("mend"): count, limit, held = 0, None, False
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
        process.standardError = FileHandle.nullDevice
        try process.run()
        self.process = process.processIdentifier
        LeftOvers.add(process: self.process)
        commands = input.fileHandleForWriting
        answers = output.fileHandleForReading
        self.port = try #require(Self.readNumber(answers))
    }

    deinit { LeftOvers.end(process: process) }

    /// Bytes that came since the line was cut or mended last.
    var count: Int { ask("count") }

    /// Lets so many bytes through from now on, and then none.
    func cut(after bytes: Int) { _ = ask("cut \(bytes)") }

    /// Lets nothing through, without breaking.
    func hold() { _ = ask("hold") }

    /// Lets everything through.
    func mend() { _ = ask("mend") }

    private func ask(_ command: String) -> Int {
        lock.withLock {
            commands.write(Data("\(command)\n".utf8))
            return Self.readNumber(answers) ?? -1
        }
    }

    /// A number and the end of its line; a read may be interrupted by a signal.
    private static func readNumber(_ handle: FileHandle) -> Int? {
        var text: [UInt8] = []
        while text.last != UInt8(ascii: "\n"), text.count < 20 {
            var byte: UInt8 = 0
            let count = read(handle.fileDescriptor, &byte, 1)
            if count < 0, errno == EINTR { continue }
            guard count == 1 else { return nil }
            text.append(byte)
        }
        return Int(String(decoding: text.dropLast(), as: UTF8.self))
    }
}

/// Ends processes and removes folders when the tests end, for what does not go away by itself.
enum LeftOvers {
    private struct State {
        var processes: [Int32] = []
        var paths: [String] = []
        var isRegistered = false
    }

    private static let state = Mutex(State())

    static func add(process: Int32) { add { $0.processes.append(process) } }
    static func add(path: String) { add { $0.paths.append(path) } }

    private static func add(_ change: (inout sending State) -> Void) {
        state.withLock {
            change(&$0)
            guard !$0.isRegistered else { return }
            $0.isRegistered = true
            atexit { LeftOvers.clear() }
        }
    }

    /// Ends a process now.
    static func end(process: Int32) {
        state.withLock { $0.processes.removeAll { $0 == process } }
        kill(process, SIGKILL)
    }

    private static func clear() {
        let left = state.withLock { $0 }
        for process in left.processes { kill(process, SIGKILL) }
        for path in left.paths { try? FileManager.default.removeItem(atPath: path) }
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
