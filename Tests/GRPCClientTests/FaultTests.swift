import Foundation
import GRPCClient
import NIOPosix
import TestSupport
import Testing

/// What goes wrong with a sound server: it is slow, silent, killed, stopped, or nobody waits for it any more.
@Suite(.enabled(if: PythonServer.python != nil, PythonServer.skipped), .timeLimit(.minutes(2)))
struct FaultTests {
    /// What names this test to the server, which counts for each.
    private let test = [("test", UUID().uuidString)]

    @Test func serverThatNeverAnswersTimesOut() async throws {
        let connection = connect(try PythonServer.shared.get())
        await #expect(throws: GRPCError.timedOut(path: "/test.T/Never", limit: .milliseconds(300))) {
            try await connection.unary("/test.T/Never", [], metadata: test, timeout: .milliseconds(300))
        }
    }

    @Test func cancellationReachesTheServer() async throws {
        let connection = connect(try PythonServer.shared.get())
        let unary = Task {
            try await connection.unary("/test.T/Never", [], metadata: test, timeout: .seconds(60))
        }
        try await expect(connection, "calls begun", 1) { $0.begun }
        unary.cancel()
        await #expect(throws: GRPCError.cancelled(path: "/test.T/Never")) { try await unary.value }
        try await expect(connection, "calls ended", 1) { $0.ended }

        let stream = try await opened("events", connection)
        let reader = Task { try await stream.next(timeout: nil) }
        try await Task.sleep(for: .milliseconds(100))
        reader.cancel()
        await #expect(throws: GRPCError.cancelled(path: "/test.T/events")) { try await reader.value }
        try await expect(connection, "calls ended", 2) { $0.ended }

        // Letting go of a stream ends it, too.
        _ = try await opened("events", connection)
        try await expect(connection, "calls ended", 3) { $0.ended }

        let cancelled = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await connection.unary("/test.T/Echo", [], timeout: .seconds(60))
        }
        await #expect(throws: GRPCError.cancelled(path: "/test.T/Echo")) { try await cancelled.value }
    }

    @Test func slowReaderStopsTheServer() async throws {
        let connection = connect(try PythonServer.shared.get())
        let stream = try await connection.stream("/test.T/flood", metadata: test, opening: .seconds(30))
        try await stream.send(Array("400 65536".utf8))
        try await stream.finish()
        #expect(try await stream.next(timeout: .seconds(30))?.prefix(4) == [0, 0, 0, 0])
        // It sends until it has to wait: 256 KiB of window, and as much in either's buffers. Without a window it would be
        // all of the 25 MiB.
        var sent = 0
        for _ in 0..<40 {
            let before = sent
            try await Task.sleep(for: .milliseconds(500))
            sent = try await numbers(connection).sent
            if sent == before, sent > 0 { break }
        }
        #expect(sent < 40, "the server could send \(sent) messages to a reader who took one")
        for index in 1..<400 {
            let message = try #require(try await stream.next(timeout: .seconds(30)))
            #expect(message.count == 65536 && Int(message[2]) << 8 | Int(message[3]) == index)
        }
        #expect(try await stream.next(timeout: .seconds(30)) == nil)
    }

    @Test func senderWaitsForAServerThatDoesNotRead() async throws {
        let connection = connect(try PythonServer.shared.get())
        let stream = try await opened("deaf", connection)
        var count = 0
        let error = await #expect(throws: GRPCError.self) {
            while count < 1000 {
                try await stream.send([UInt8](repeating: 0, count: 65536), timeout: .milliseconds(500))
                count += 1
            }
        }
        #expect(error == .timedOut(path: "/test.T/deaf", limit: .milliseconds(500)))
        #expect(count < 500, "a server that does not read took \(count) messages")
        await #expect(throws: GRPCError.timedOut(path: "/test.T/deaf", limit: .milliseconds(500))) {
            try await stream.next(timeout: .seconds(1))
        }
        try await expect(connection, "calls ended", 1) { $0.ended }
    }

    @Test func killedServerIsFoundAgain() async throws {
        let server = try PythonServer()
        let connection = connect(server)
        let unary = Task {
            try await connection.unary("/test.T/Never", [], metadata: test, timeout: .seconds(60))
        }
        let stream = try await opened("events", connection)
        server.kill()
        expectUnavailable(await #expect(throws: GRPCError.self) { try await unary.value })
        expectUnavailable(
            await #expect(throws: GRPCError.self) { try await stream.next(timeout: .seconds(30)) }
        )
        expectUnavailable(await #expect(throws: GRPCError.self) { try await stream.send([1]) })
        for _ in 0..<5 {
            expectUnavailable(
                await #expect(throws: GRPCError.self) {
                    try await connection.unary("/test.T/Echo", [7], timeout: .seconds(30))
                }
            )
        }
        try server.start()
        #expect(try await connection.unary("/test.T/Echo", [7], timeout: .seconds(30)) == [7])
        await connection.close()
    }

    @Test func stoppingServerEndsWhatIsOpen() async throws {
        let server = try PythonServer()
        let connection = connect(server)
        let stream = try await connection.stream("/test.T/bidi", opening: .seconds(30))
        try await stream.send([1])
        #expect(try await stream.next(timeout: .seconds(30)) == [1])
        _ = try await connection.unary("/test.T/Stop", [], timeout: .seconds(30))
        // Its GOAWAY is under way: after it there is nobody for new calls, but those that are open go on.
        let refused = await #expect(throws: GRPCError.self) {
            for _ in 0..<400 {
                _ = try await connection.unary("/test.T/Echo", [], timeout: .seconds(30))
                try await Task.sleep(for: .milliseconds(50))
            }
        }
        expectUnavailable(refused)
        try await stream.send([2])
        #expect(try await stream.next(timeout: .seconds(30)) == [2])
        try await stream.finish()
        #expect(try await stream.next(timeout: .seconds(30)) == nil)
        server.kill()
        try server.start()
        #expect(try await connection.unary("/test.T/Echo", [7], timeout: .seconds(30)) == [7])
    }

    @Test func closingEndsWhatIsOpen() async throws {
        let connection = connect(try PythonServer.shared.get())
        let stream = try await opened("events", connection)
        let unary = Task {
            try await connection.unary("/test.T/Never", [], metadata: test, timeout: .seconds(60))
        }
        let reader = Task { try await stream.next(timeout: nil) }
        try await expect(connection, "calls begun", 2) { $0.begun }
        await connection.close()
        expectUnavailable(await #expect(throws: GRPCError.self) { try await unary.value })
        expectUnavailable(await #expect(throws: GRPCError.self) { try await reader.value })
        await connection.close()
    }

    /// A stream that has brought its first message.
    private func opened(_ method: String, _ connection: GRPCConnection) async throws -> GRPCStream {
        let stream = try await connection.stream("/test.T/\(method)", metadata: test, opening: .seconds(30))
        try await stream.send([])
        _ = try await stream.next(timeout: .seconds(30))
        return stream
    }

    private func numbers(_ connection: GRPCConnection) async throws -> (begun: Int, ended: Int, sent: Int) {
        let answer = try await connection.unary("/test.T/Numbers", [], metadata: test, timeout: .seconds(30))
        let numbers = String(decoding: answer, as: UTF8.self).split(separator: " ").compactMap { Int($0) }
        try #require(numbers.count == 3)
        return (numbers[0], numbers[1], numbers[2])
    }

    /// Waits until the server has counted something of this test's.
    private func expect(
        _ connection: GRPCConnection,
        _ name: String,
        _ count: Int,
        _ number: ((begun: Int, ended: Int, sent: Int)) -> Int
    ) async throws {
        for _ in 0..<400 {
            if number(try await numbers(connection)) >= count { return }
            try await Task.sleep(for: .milliseconds(50))
        }
        Issue.record("the server has no \(count) \(name) after 20 s")
    }
}

/// Expects that an error says that nobody is there.
func expectUnavailable(_ error: GRPCError?, sourceLocation: SourceLocation = #_sourceLocation) {
    guard case .unavailable = error else {
        Issue.record("\(String(describing: error))", sourceLocation: sourceLocation)
        return
    }
}
