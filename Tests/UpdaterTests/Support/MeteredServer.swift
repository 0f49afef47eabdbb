import Foundation
import Glibc
import TestSupport
import Testing

/// nginx over a folder, behind a line that counts what passes and can be cut.
final class MeteredServer: Sendable {
    let line: Line
    private let server: WebServer

    /// Serves a folder until the value goes away.
    ///
    /// - Parameter hasRanges: whether parts of files can be asked for.
    init(_ path: String, hasRanges: Bool = true) throws {
        server = try WebServer(folder: path, directives: hasRanges ? "" : "max_ranges 0;")
        line = try Line(to: server.ports[0])
    }

    var url: String { "http://127.0.0.1:\(line.port)" }

    /// What was asked for, of all files whose path ends so: each with the answer's status.
    func requests(_ suffix: String) -> [Int] { answers(suffix).map(\.status) }

    /// How many bytes were sent of all files whose path ends so, with what is between several ranges.
    func bytes(_ suffix: String) -> Int { answers(suffix).reduce(0) { $0 + $1.byteCount } }

    private func answers(_ suffix: String) -> [WebServer.Request] {
        server.requests.filter { $0.path.hasSuffix(suffix) }
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
