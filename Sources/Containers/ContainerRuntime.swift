internal import GRPCClient
public import NIOCore
internal import Protobuf

/// A containerd 1.7 and one of its namespaces, through its gRPC API on a Unix socket.
///
/// The connection is made at the first call, and again after a loss. Calls that may be repeated are, for `patience`, so
/// that a restart of containerd goes unnoticed; others fail with `ContainerError.unavailable`.
public final class ContainerRuntime: Sendable {
    let connection: GRPCConnection
    let namespace: String
    /// containerd's folder of what runs.
    let state: String
    let patience: Duration

    /// Names a containerd; nothing is sent yet.
    ///
    /// - Parameters:
    ///   - socket: the path of its socket, in its folder of what runs (`state` of its configuration).
    ///   - namespace: whose containers, images and snapshots are meant; `ensureNamespace` makes it.
    ///   - patience: how long calls are repeated while containerd is away.
    public init(
        socket: String,
        namespace: String,
        eventLoop: any EventLoop,
        patience: Duration = .seconds(10)
    ) {
        connection = GRPCConnection(socket: socket, eventLoop: eventLoop)
        self.namespace = namespace
        state = socket.lastIndex(of: "/").map { String(socket[..<$0]) } ?? "."
        self.patience = patience
    }

    /// Ends the connection and all calls.
    public func close() async { await connection.close() }

    /// containerd's version.
    public func version() async throws(ContainerError) -> String {
        try await call(Versions.version, ProtobufEmpty(), "say its version", .repeated).version
    }

    /// Makes the namespace unless it is there.
    public func ensureNamespace() async throws(ContainerError) {
        let request = Namespaces.CreateRequest(name: namespace)
        do {
            _ = try await call(Namespaces.create, request, "make the namespace '\(namespace)'", .repeated)
        } catch {
            guard error.status?.code == .alreadyExists else { throw error }
        }
    }

    // MARK: Calls

    /// What happens when containerd is away.
    enum Repetition {
        /// The call is made again, as it does no harm twice.
        case repeated
        /// The call fails.
        case once
    }

    /// The longest a call may take that has no reason to take long.
    static let ordinaryLimit: Duration = .seconds(60)

    /// Makes a call.
    ///
    /// - Parameter what: what is to be done, as it follows "containerd failed to".
    func call<Request, Answer>(
        _ method: Method<Request, Answer>,
        _ request: Request,
        _ what: String,
        _ repetition: Repetition = .once,
        lease: String? = nil,
        limit: Duration = ContainerRuntime.ordinaryLimit
    ) async throws(ContainerError) -> Answer {
        let started = ContinuousClock.now
        var pause: Duration = .milliseconds(50)
        while true {
            let failure: ContainerError
            do throws(ContainerError) {
                let bytes = try await bytes(method.path, request.serialized, what, lease, limit)
                return try Self.decode(bytes, what)
            } catch {
                failure = error
            }
            guard case .repeated = repetition, failure.isUnavailable,
                ContinuousClock.now - started < patience
            else { throw failure }
            try await rest(pause, what)
            pause = min(pause * 2, .seconds(1))
        }
    }

    private func bytes(
        _ path: String,
        _ request: [UInt8],
        _ what: String,
        _ lease: String?,
        _ limit: Duration
    ) async throws(ContainerError) -> [UInt8] {
        do throws(GRPCError) {
            return try await connection.unary(path, request, metadata: metadata(lease: lease), timeout: limit)
        } catch {
            throw ContainerError(error, what)
        }
    }

    /// All messages of an answer in parts, up to a number of bytes.
    func receive<Request, Answer>(
        _ method: Method<Request, Answer>,
        _ request: Request,
        _ what: String,
        atMost limit: Int = 16 << 20
    ) async throws(ContainerError) -> [Answer] {
        var answers: [Answer] = []
        for part in try await parts(method, request, what, atMost: limit) {
            answers.append(try Self.decode(part, what))
        }
        return answers
    }

    private func parts<Request, Answer>(
        _ method: Method<Request, Answer>,
        _ request: Request,
        _ what: String,
        atMost limit: Int
    ) async throws(ContainerError) -> [[UInt8]] {
        do throws(GRPCError) {
            let stream = try await connection.stream(
                method.path,
                metadata: metadata(),
                opening: Self.ordinaryLimit
            )
            defer { stream.cancel() }
            try await stream.send(request.serialized)
            try await stream.finish()
            var parts: [[UInt8]] = []
            var count = 0
            while let bytes = try await stream.next(timeout: Self.ordinaryLimit) {
                count += bytes.count
                guard count <= limit else { throw .tooLong(path: method.path, limit: limit) }
                parts.append(bytes)
            }
            return parts
        } catch {
            throw ContainerError(error, what)
        }
    }

    func metadata(lease: String? = nil) -> [(String, String)] {
        var fields = [("containerd-namespace", namespace)]
        if let lease { fields.append(("containerd-lease", lease)) }
        return fields
    }

    static func decode<Answer: ProtobufMessage>(
        _ bytes: [UInt8],
        _ what: String
    ) throws(ContainerError) -> Answer {
        do {
            return try Answer(serialized: bytes)
        } catch {
            throw .badAnswer(what, reason: "\(error)")
        }
    }

    // MARK: What there is

    /// All containers of the namespace, running or not, by name.
    public func containers() async throws(ContainerError) -> [ContainerRecord] {
        try await call(ContainerRecords.list, ListRequest(), "list containers", .repeated).containers
            .map { ContainerRecord(id: $0.id, image: $0.image, labels: $0.labels) }
            .sorted { $0.id < $1.id }
    }

    /// All containers of the namespace that have been started and not removed since, by name.
    public func tasks() async throws(ContainerError) -> [TaskRecord] {
        try await call(Tasks.list, ListRequest(), "list tasks", .repeated).tasks
            .map { TaskRecord($0) }
            .sorted { $0.id < $1.id }
    }
}

extension TaskRecord {
    init(_ process: Tasks.Process) {
        self.init(
            id: process.container.isEmpty ? process.id : process.container,
            pid: process.pid,
            state: State(rawValue: process.status) ?? .unknown
        )
    }
}
