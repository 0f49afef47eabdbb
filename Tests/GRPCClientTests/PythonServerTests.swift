import Foundation
import GRPCClient
import NIOPosix
import Testing

/// Calls of a server of another hand (Python's grpcio, which is gRPC's C core).
@Suite(.enabled(if: PythonServer.python != nil, PythonServer.skipped), .timeLimit(.minutes(2)))
struct PythonServerTests {
    private let server: PythonServer
    private let connection: GRPCConnection

    init() throws {
        server = try PythonServer.shared.get()
        connection = connect(server)
    }

    private func call(_ method: String, _ text: String = "") async throws -> String {
        String(
            decoding: try await connection.unary(
                "/test.T/\(method)",
                Array(text.utf8),
                timeout: .seconds(30)
            ),
            as: UTF8.self
        )
    }

    @Test func answers() async throws {
        #expect(try await call("Echo", "hello") == "hello")
        #expect(try await call("Echo") == "")
        await connection.close()
        await #expect(
            throws: GRPCError.unavailable(socket: server.socket, reason: "the connection was closed by us")
        ) {
            try await call("Echo")
        }
    }

    @Test(arguments: 1...16, [0, 1])
    func statusIsReported(code: Int, head: Int) async throws {
        let message = "100 % schöne\nMeldung 🚢 %41 \(code)"
        let status = try #require(GRPCStatus(rawValue: code))
        await #expect(throws: GRPCError.status(code: status, message: message)) {
            try await call("Status", "\(code) \(head) \(message)")
        }
    }

    @Test func unknownMethodIsUnimplemented() async throws {
        let error = await #expect(throws: GRPCError.self) { try await call("Nothing") }
        guard case .status(.unimplemented, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func metadataAndTimeoutArrive() async throws {
        let answer = try await connection.unary(
            "/test.T/Facts",
            [],
            metadata: [("containerd-namespace", "host")],
            timeout: .seconds(30)
        )
        let lines = String(decoding: answer, as: UTF8.self).split(separator: "\n")
        #expect(lines.contains("containerd-namespace=host"))
        let remaining = try #require(lines.last?.split(separator: "=").last.flatMap { Double($0) })
        #expect(remaining > 1 && remaining <= 30.1)
    }

    @Test func tenMebibytesPassBothWays() async throws {
        let size = 10 << 20
        let answer = try await connection.unary("/test.T/Big", Array("\(size)".utf8), timeout: .seconds(60))
        #expect(answer.count == size)
        #expect(answer[12_345] == UInt8(truncatingIfNeeded: 12_345) && answer[size - 1] == 255)
        let echo = try await connection.unary("/test.T/Echo", answer, timeout: .seconds(60))
        #expect(echo == answer)
    }

    @Test func answerAboveTheLimitIsRefused() async throws {
        var limits = GRPCConnection.Limits()
        limits.message = 1 << 20
        let connection = connect(server, limits)
        await #expect(throws: GRPCError.tooLong(path: "/test.T/Big", limit: 1 << 20)) {
            try await connection.unary("/test.T/Big", Array("\((1 << 20) + 256)".utf8), timeout: .seconds(30))
        }
        // The connection is as good as before.
        let answer = try await connection.unary(
            "/test.T/Big",
            Array("\(1 << 20)".utf8),
            timeout: .seconds(30)
        )
        #expect(answer.count == 1 << 20)
        await connection.close()
    }

    @Test func manyCallsShareTheConnection() async throws {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for index in 0..<200 {
                group.addTask { try await call("Echo", "call \(index)") == "call \(index)" }
            }
            for try await isRight in group { #expect(isRight) }
        }
    }

    @Test func thousandMessagesComeBack() async throws {
        let stream = try await connection.stream("/test.T/bidi", opening: .seconds(30))
        async let sending: Void = {
            for index in 0..<1000 {
                try await stream.send([UInt8](repeating: UInt8(truncatingIfNeeded: index), count: index * 7))
            }
            try await stream.finish()
        }()
        for index in 0..<1000 {
            let message = try await stream.next(timeout: .seconds(30))
            #expect(message == [UInt8](repeating: UInt8(truncatingIfNeeded: index), count: index * 7))
        }
        #expect(try await stream.next(timeout: .seconds(30)) == nil)
        #expect(try await stream.next(timeout: .seconds(30)) == nil)
        try await sending
    }

    @Test func halfCloseBringsTheAnswer() async throws {
        let stream = try await connection.stream("/test.T/total", opening: .seconds(30))
        for _ in 0..<20 { try await stream.send([UInt8](repeating: 1, count: 100_000)) }
        await #expect(throws: GRPCError.timedOut(path: "/test.T/total", limit: .milliseconds(50))) {
            try await stream.next(timeout: .milliseconds(50))
        }
        try await stream.finish()
        let answer = try await stream.next(timeout: .seconds(30))
        #expect(answer == Array("20 2000000".utf8))
        #expect(try await stream.next(timeout: .seconds(30)) == nil)
        await #expect(throws: GRPCError.ended(path: "/test.T/total")) { try await stream.send([1]) }
    }

    @Test func messagesComeBeforeTheError() async throws {
        let stream = try await connection.stream("/test.T/late_status", opening: .seconds(30))
        try await stream.send([])
        try await stream.finish()
        #expect(try await stream.next(timeout: .seconds(30)) == Array("one".utf8))
        #expect(try await stream.next(timeout: .seconds(30)) == Array("two".utf8))
        for _ in 0..<2 {
            await #expect(throws: GRPCError.status(code: .dataLoss, message: "lost")) {
                try await stream.next(timeout: .seconds(30))
            }
        }
    }

    @Test func serverThatEndsEarlyStopsTheSender() async throws {
        let stream = try await connection.stream("/test.T/early", opening: .seconds(30))
        await #expect(throws: GRPCError.status(code: .notFound, message: "early")) {
            while true { try await stream.send([UInt8](repeating: 0, count: 50_000)) }
        }
        await #expect(throws: GRPCError.status(code: .notFound, message: "early")) {
            try await stream.next(timeout: .seconds(30))
        }
        let other = try await connection.stream("/test.T/early_ok", opening: .seconds(30))
        try await other.send([1])
        #expect(try await other.next(timeout: .seconds(30)) == Array("bye".utf8))
        #expect(try await other.next(timeout: .seconds(30)) == nil)
        await #expect(throws: GRPCError.ended(path: "/test.T/early_ok")) { try await other.send([1]) }
        try await other.finish()
        try await stream.finish()
    }
}

/// A connection to a server.
func connect(_ server: PythonServer, _ limits: GRPCConnection.Limits = .init()) -> GRPCConnection {
    GRPCConnection(
        socket: server.socket,
        eventLoop: MultiThreadedEventLoopGroup.singleton.any(),
        limits: limits
    )
}
