import Containers
import Foundation
import Glibc
import NIOCore
import NIOPosix
import OCI
import Synchronization
import TestSupport
import Testing

/// A namespace of a containerd for one test, and what tests need to run something in it.
final class Harness: Sendable {
    let containerd: Containerd
    let runtime: ContainerRuntime
    let namespace: String
    let folder: TemporaryDirectory

    /// A namespace of its own; without a containerd in the shared one.
    init(_ containerd: Containerd? = nil, patience: Duration = .seconds(10)) async throws {
        let containerd = try containerd ?? Containerd.shared
        self.containerd = containerd
        namespace = "t" + UUID().uuidString.prefix(8).lowercased()
        folder = try TemporaryDirectory()
        runtime = ContainerRuntime(
            socket: containerd.socket,
            namespace: namespace,
            eventLoop: MultiThreadedEventLoopGroup.singleton.next(),
            patience: patience
        )
        try await runtime.ensureNamespace()
    }

    /// The image that containers are made from.
    func image() async throws -> ImageRecord {
        if let image = try await runtime.image("localhost/busy:1") { return image }
        return try await runtime.importImage(
            Pieces(try TestImages.busybox.get().bytes),
            as: "localhost/busy:1"
        )
    }

    /// Makes and starts a container.
    @discardableResult
    func run(
        _ id: String,
        _ command: String...,
        runtime binary: String = "runc",
        cgroup: Bool = true
    ) async throws -> Streams {
        try await create(id, command, runtime: binary, cgroup: cgroup)
        let streams = try Streams(folder, id)
        _ = try await runtime.start(id, streams: streams.paths)
        return streams
    }

    func create(_ id: String, _ command: [String], runtime binary: String = "runc", cgroup: Bool = true)
        async throws
    {
        let container = NewContainer(
            id: id,
            image: try await image(),
            spec: spec(id, command, cgroup: cgroup),
            labels: ["kind": "test"],
            runtime: .binary(binary, root: containerd.runtimeRoot)
        )
        try await runtime.create(container)
    }

    /// A process in a container, with its input open when it has one.
    func exec(
        _ id: String,
        _ execID: String,
        _ command: String...,
        input: Bool = false,
        terminal: TerminalSize? = nil
    ) async throws -> Streams {
        let streams = try Streams(folder, "\(id)-\(execID)", input: input, terminal: terminal != nil)
        let process = ExecProcess(
            arguments: command,
            terminal: terminal,
            environmentAdditions: ["TERM=dumb", "ADDED=yes"]
        )
        _ = try await runtime.exec(in: id, execID: execID, process, streams: streams.paths)
        return streams
    }

    func wait(_ id: String, exec: String? = nil) async throws -> Containers.ExitStatus {
        try await runtime.wait(id, exec: exec, patience: .seconds(20))
    }

    /// What is there of the namespace, by containerd's own client: it must be nothing in the end.
    func leftOvers() throws -> [String] {
        var left: [String] = []
        for what in ["tasks", "containers", "leases", "images"] {
            let list = try containerd.ctr(namespace, what, "ls", "-q").output
            left += list.split(separator: "\n").map { "\(what): \($0)" }
        }
        // The first line has the names of the columns.
        let snapshots = try containerd.ctr(namespace, "snapshots", "ls").output
        left += snapshots.split(separator: "\n").dropFirst().map { "snapshots: \($0)" }
        left += containerd.mounts.filter { $0.contains("/\(namespace)/") }.map { "mount \($0)" }
        return left
    }

    private func spec(_ id: String, _ command: [String], cgroup: Bool) -> [UInt8] {
        func mount(_ place: String, _ type: String, _ options: [String]) -> [String: Any] {
            ["destination": place, "type": type, "source": type, "options": options]
        }
        let capabilities = ["CAP_KILL", "CAP_CHOWN"]
        var linux: [String: Any] = ["namespaces": ["ipc", "uts", "mount", "pid"].map { ["type": $0] }]
        if cgroup { linux["cgroupsPath"] = containerd.cgroup("\(namespace)-\(id)") }
        let spec: [String: Any] = [
            "ociVersion": "1.1.0",
            "process": [
                "terminal": false, "user": ["uid": 0, "gid": 0], "args": command,
                "env": ["PATH=/bin", "ADDED=no"],
                "cwd": "/",
                "capabilities": [
                    "bounding": capabilities, "effective": capabilities, "permitted": capabilities,
                ],
            ] as [String: Any],
            "root": ["path": "rootfs"], "hostname": "test",
            "mounts": [
                mount("/proc", "proc", []), mount("/dev", "tmpfs", ["nosuid", "mode=755"]),
                mount(
                    "/dev/pts",
                    "devpts",
                    ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]
                ),
            ],
            "linux": linux,
        ]
        return Array((try? JSONSerialization.data(withJSONObject: spec)) ?? Data())
    }
}

/// Images that are made once.
enum TestImages {
    static let busybox = Result { try ContainerArchive() }
    static let large = Result { try ContainerArchive(padding: 32 << 20) }
}

/// FIFOs of a process, and the test's ends of them.
final class Streams: Sendable {
    let paths: StreamPaths
    private let input: Mutex<Int32>
    private let output: Int32
    private let error: Int32

    init(_ folder: TemporaryDirectory, _ name: String, input: Bool = false, terminal: Bool = false) throws {
        func fifo(_ part: String) throws -> String {
            let path = folder.file("\(name)-\(UUID().uuidString.prefix(8)).\(part)")
            try #require(mkfifo(path, 0o600) == 0)
            return path
        }
        paths = StreamPaths(
            stdin: input ? try fifo("in") : nil,
            stdout: try fifo("out"),
            stderr: try fifo("err"),
            terminal: terminal
        )
        output = open(paths.stdout, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        error = open(paths.stderr, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        self.input = Mutex(paths.stdin.map { open($0, O_RDWR | O_NONBLOCK | O_CLOEXEC) } ?? -1)
    }

    deinit {
        closeInput()
        close(output)
        close(error)
    }

    func closeInput() {
        input.withLock {
            if $0 >= 0 { close($0) }
            $0 = -1
        }
    }

    func write(_ text: String) {
        let bytes = Array(text.utf8)
        #expect(input.withLock { Glibc.write($0, bytes, bytes.count) } == bytes.count)
    }

    /// What the process has written, to the end.
    func outputText() async throws -> String { String(decoding: try await read(output), as: UTF8.self) }

    /// What the process has written as errors, to the end.
    func errorText() async throws -> String { String(decoding: try await read(error), as: UTF8.self) }

    /// What the process writes until a text comes.
    func output(until text: String) async throws -> String {
        String(decoding: try await read(output, until: text), as: UTF8.self)
    }

    private func read(_ descriptor: Int32, until text: String? = nil) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        for _ in 0..<4000 {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count > 0 {
                bytes += buffer[..<count]
                if let text, String(decoding: bytes, as: UTF8.self).contains(text) { return bytes }
            } else if count == 0 {
                return bytes
            } else {
                try await Task.sleep(for: .milliseconds(5))
            }
        }
        Issue.record("no end of a stream, only \(String(decoding: bytes.prefix(200), as: UTF8.self))")
        return bytes
    }
}

/// Bytes in pieces, as they come from a network.
struct Pieces: AsyncSequence, Sendable {
    typealias Element = ByteBuffer

    struct Iterator: AsyncIteratorProtocol {
        let pieces: Pieces
        var position = 0

        mutating func next() async throws -> ByteBuffer? {
            if let offset = pieces.offset, position >= offset { try await pieces.event() }
            guard position < pieces.bytes.count else { return nil }
            let end = Swift.min(position + (1 << 20), pieces.bytes.count)
            defer { position = end }
            return ByteBuffer(bytes: pieces.bytes[position..<end])
        }
    }

    let bytes: [UInt8]
    let offset: Int?
    let event: @Sendable () async throws -> Void

    /// - Parameters:
    ///   - offset: where something happens.
    ///   - event: what happens there, before each further piece.
    init(_ bytes: [UInt8], at offset: Int? = nil, _ event: @escaping @Sendable () async throws -> Void = {}) {
        self.bytes = bytes
        self.offset = offset
        self.event = event
    }

    func makeAsyncIterator() -> Iterator { Iterator(pieces: self) }
}

/// The error that an action throws; nil when it throws none.
func failure(_ action: () async throws -> Void) async -> ContainerError? {
    do {
        try await action()
        return nil
    } catch {
        return error as? ContainerError
    }
}
