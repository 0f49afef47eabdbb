import Foundation

/// QEMU's control protocol (QMP): a JSON object a line.
///
/// A connection is made for each command. QEMU serves one at a time and lets others wait, so commands from
/// several tasks follow each other.
struct Monitor: Sendable {
    let socketPath: String

    /// Longest line accepted from QEMU, in bytes.
    private static let lineLimit = 1 << 20

    private struct Line: Decodable {
        struct Failure: Decodable {
            let desc: String
        }
        struct Value: Decodable {
            let status: String?
        }
        let error: Failure?
        let value: Value?
        let event: String?

        enum CodingKeys: String, CodingKey {
            case error, event
            case value = "return"
        }
    }

    /// Executes a command without arguments and returns the `status` of its answer, if it has one.
    ///
    /// - Throws: `VirtualMachineError.monitor`; `CancellationError`.
    @discardableResult
    func execute(_ command: String, within limit: Duration) async throws -> String? {
        let deadline = ContinuousClock.now + limit
        let socket = try await connect(command, until: deadline)
        var pending: [UInt8] = []
        // The greeting comes first, then an answer to each of the two commands.
        for step in ["", "qmp_capabilities", command] {
            if !step.isEmpty {
                let sent = try await socket.send(Array("{\"execute\":\"\(step)\"}\n".utf8))
                if !sent {
                    throw VirtualMachineError.monitor(command: command, problem: "QEMU closed the connection")
                }
            }
            while true {
                guard let line = try await nextLine(socket, &pending, command, until: deadline) else {
                    // QEMU may be gone before its answer to `quit` is.
                    if step == "quit" { return nil }
                    throw VirtualMachineError.monitor(command: command, problem: "QEMU closed the connection")
                }
                if line.event != nil { continue }
                if let error = line.error {
                    throw VirtualMachineError.monitor(command: command, problem: error.desc)
                }
                if step == command { return line.value?.status }
                break
            }
        }
        return nil
    }

    private func connect(_ command: String, until deadline: ContinuousClock.Instant) async throws
        -> UnixSocket
    {
        while true {
            if let socket = UnixSocket(path: socketPath) { return socket }
            try await pause(command, until: deadline)
        }
    }

    private func nextLine(
        _ socket: UnixSocket,
        _ pending: inout [UInt8],
        _ command: String,
        until deadline: ContinuousClock.Instant
    ) async throws -> Line? {
        while true {
            if let end = pending.firstIndex(of: UInt8(ascii: "\n")) {
                let text = Data(pending[..<end])
                pending.removeSubrange(...end)
                do {
                    return try JSONDecoder().decode(Line.self, from: text)
                } catch {
                    let start = String(decoding: text.prefix(200), as: UTF8.self)
                    throw VirtualMachineError.monitor(
                        command: command,
                        problem: "unexpected answer: \(start)"
                    )
                }
            }
            guard pending.count < Self.lineLimit else {
                throw VirtualMachineError.monitor(command: command, problem: "the answer has no end")
            }
            guard let bytes = socket.receive() else { return nil }
            if bytes.isEmpty { try await pause(command, until: deadline) }
            pending += bytes
        }
    }

    private func pause(_ command: String, until deadline: ContinuousClock.Instant) async throws {
        guard ContinuousClock.now < deadline else {
            throw VirtualMachineError.monitor(
                command: command,
                problem: "no answer in time; kill the machine"
            )
        }
        try await Task.sleep(for: .milliseconds(10))
    }
}
