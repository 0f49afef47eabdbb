import GRPCClient
import NIOPosix
import Testing

/// Servers that do not speak gRPC, or not well, by bytes made by hand.
@Suite(.timeLimit(.minutes(1)))
struct HostileServerTests {
    private let path = "/test.T/M"

    /// The error of a call that is answered with these bytes; nil if it succeeds.
    private func error(
        _ answer: [UInt8],
        closes: Bool = false,
        timeout: Duration = .seconds(20)
    ) async throws -> GRPCError? {
        let server = try await RawServer(answer, closes: closes)
        let connection = GRPCConnection(
            socket: server.socket,
            eventLoop: MultiThreadedEventLoopGroup.singleton.any()
        )
        var result: GRPCError?
        do {
            _ = try await connection.unary(path, [1, 2, 3], timeout: timeout)
        } catch {
            result = error
        }
        await connection.close()
        try await server.close()
        return result
    }

    private func expectFault(
        _ answer: [UInt8],
        _ text: String = "",
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let error = try await error(answer)
        guard case .protocolFault(path, let fault) = error, fault.contains(text) else {
            Issue.record("\(String(describing: error))", sourceLocation: sourceLocation)
            return
        }
    }

    private func expectLoss(
        _ answer: [UInt8],
        closes: Bool = false,
        _ text: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let error = try await error(answer, closes: closes)
        guard case .unavailable(_, let reason) = error, reason.contains(text) else {
            Issue.record("\(String(describing: error))", sourceLocation: sourceLocation)
            return
        }
    }

    @Test func handMadeAnswerIsTaken() async throws {
        #expect(try await error(Frame.opening + Frame.data(Frame.message([9])) + Frame.end) == nil)
        // Fields that come before the real ones, and a frame of an unknown type.
        let early = Frame.settings + Frame.headers([(":status", "103")]) + Frame.frame(0xfa, 0, 1, [1])
        let answer = early + Frame.headers(Frame.head) + Frame.data(Frame.message([9])) + Frame.end
        #expect(try await error(answer) == nil)
        // A message in pieces.
        let pieces = Frame.message([9, 8]).flatMap { Frame.data([$0]) }
        #expect(try await error(Frame.opening + pieces + Frame.end) == nil)
    }

    @Test func otherProtocolIsAFault() async throws {
        try await expectFault(Array("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n".utf8))
        try await expectFault([UInt8](repeating: 0xff, count: 4096))
        // SETTINGS must come first; these are a PING and an answer.
        try await expectFault(
            Frame.frame(6, 0, 0, [UInt8](repeating: 0, count: 8)) + Frame.headers(Frame.head)
        )
    }

    @Test func silenceAndLossAreTold() async throws {
        #expect(
            try await error([], timeout: .milliseconds(200))
                == .timedOut(path: path, limit: .milliseconds(200))
        )
        try await expectLoss([], closes: true, "")
        try await expectLoss(Frame.opening + Frame.data([0, 0]), closes: true, "")
        // RST_STREAM with REFUSED_STREAM, GOAWAY that knows of no stream.
        try await expectLoss(Frame.settings + Frame.frame(3, 0, 1, Frame.bigEndian(7)), "ended the call")
        try await expectLoss(
            Frame.settings + Frame.frame(7, 0, 0, Frame.bigEndian(0) + Frame.bigEndian(0)),
            ""
        )
    }

    @Test func fiftyThousandFramesThatWaitedAreTaken() async throws {
        let length = 50_000
        let long = Frame.message([UInt8](repeating: 7, count: length)).flatMap { Frame.data([$0]) }
        let server = try await RawServer(Frame.opening + Frame.data(Frame.message([9])) + long + Frame.end)
        let connection = GRPCConnection(
            socket: server.socket,
            eventLoop: MultiThreadedEventLoopGroup.singleton.any()
        )
        let stream = try await connection.stream(path, opening: .seconds(20))
        try await stream.send([])
        // The first one waits and nothing is read, until it is taken.
        try await Task.sleep(for: .milliseconds(300))
        #expect(try await stream.next(timeout: .seconds(20)) == [9])
        #expect(try await stream.next(timeout: .seconds(20))?.count == length)
        #expect(try await stream.next(timeout: .seconds(20)) == nil)
        await connection.close()
        try await server.close()
    }

    @Test func nobodyThereIsTold() async throws {
        let connection = GRPCConnection(
            socket: "/nonexistent/socket",
            eventLoop: MultiThreadedEventLoopGroup.singleton.any()
        )
        for _ in 0..<3 {
            expectUnavailable(
                await #expect(throws: GRPCError.self) {
                    try await connection.unary(path, [], timeout: .seconds(20))
                }
            )
        }
        expectUnavailable(
            await #expect(throws: GRPCError.self) { try await connection.stream(path, opening: .seconds(20)) }
        )
        await connection.close()
    }

    @Test func waitBetweenAttemptsCountsForTheLimit() async throws {
        var limits = GRPCConnection.Limits()
        limits.backOff = .milliseconds(10)
        let eventLoop = MultiThreadedEventLoopGroup.singleton.any()
        let connection = GRPCConnection(socket: "/nonexistent/socket", eventLoop: eventLoop, limits: limits)
        // However often it is tried, the wait stays at its limit.
        for _ in 0..<20 {
            expectUnavailable(
                await #expect(throws: GRPCError.self) {
                    try await connection.unary(path, [], timeout: .seconds(20))
                }
            )
        }
        // A call whose time ends in the wait does not outlast it.
        expectUnavailable(
            await #expect(throws: GRPCError.self) {
                try await connection.unary(path, [], timeout: .nanoseconds(1))
            }
        )
        await connection.close()
    }

    @Test func lengthOfFourGibibytesIsRefused() async throws {
        let answer = Frame.opening + Frame.data([0, 0xff, 0xff, 0xff, 0xff])
        #expect(try await error(answer) == .tooLong(path: path, limit: 16 << 20))
        // Behind a sound message, too.
        let second = Frame.opening + Frame.data(Frame.message([9]) + [0, 0xff, 0xff, 0xff, 0xff])
        #expect(try await error(second) == .tooLong(path: path, limit: 16 << 20))
    }

    @Test func compressionIsRefused() async throws {
        try await expectFault(
            Frame.opening + Frame.data(Frame.message([9], flag: 1)) + Frame.end,
            "compression"
        )
        try await expectFault(Frame.opening + Frame.data([0x80]), "compression")
    }

    @Test func endlessHeaderFieldsAreRefused() async throws {
        // CONTINUATION frames without end, and more fields than are taken.
        let beginning = Frame.settings + Frame.frame(1, 0, 1, Frame.block(Frame.head))
        let rest = (0..<2000).flatMap { _ in Frame.frame(9, 0, 1, Frame.block([("a", "b")])) }
        try await expectFault(beginning + rest)
        let text = String(repeating: "x", count: 100)
        let long = Frame.block((0..<70).map { _ in (text, text) })
        let blocks = (0..<8).flatMap { Frame.frame(9, $0 == 7 ? 4 : 0, 1, long) }
        try await expectFault(beginning + blocks)
        // Fields and fields again: only the last may be trailers.
        let again = (0..<2000).flatMap { _ in Frame.headers([("a", "b")]) }
        try await expectFault(Frame.opening + again)
        let informational = (0..<100).flatMap { _ in Frame.headers([(":status", "103")]) }
        #expect(
            try await error(
                Frame.settings + informational + Frame.headers(Frame.head + Frame.ok, isLast: true)
            ) != nil
        )
    }

    @Test func unsoundAnswersAreFaults() async throws {
        let message = Frame.data(Frame.message([9]))
        try await expectFault(Frame.settings + message + Frame.end)
        try await expectFault(
            Frame.settings + Frame.headers([(":status", "404")]) + message + Frame.end,
            "404"
        )
        try await expectFault(
            Frame.settings + Frame.headers([(":status", "200"), ("content-type", "text/html")]),
            "text/html"
        )
        try await expectFault(Frame.settings + Frame.headers(Frame.head, isLast: true), "grpc-status")
        try await expectFault(
            Frame.opening + message + Frame.headers([("a", "b")], isLast: true),
            "grpc-status"
        )
        try await expectFault(
            Frame.opening + Frame.data(Frame.message([9]), isLast: true),
            "without a status"
        )
        try await expectFault(Frame.opening + Frame.data([0, 0, 0, 0, 2, 1]) + Frame.end, "inside a message")
        try await expectFault(Frame.opening + message + message + Frame.end, "more than one")
        try await expectFault(Frame.opening + Frame.end, "no message")
        try await expectFault(Frame.settings + Frame.headers(Frame.head, stream: 3))
        // PUSH_PROMISE, which we have forbidden.
        try await expectFault(
            Frame.opening + Frame.frame(5, 4, 1, Frame.bigEndian(2) + Frame.block(Frame.head))
        )
        // More bytes than the window has.
        let flood = (0..<20).flatMap { _ in Frame.data([UInt8](repeating: 0, count: 16_384)) }
        try await expectFault(
            Frame.opening + Frame.data([0] + Frame.bigEndian(10 << 20)) + flood + flood + flood + flood
                + flood
        )
    }

    @Test func unknownStatusIsUnknown() async throws {
        for text in ["99", "-1", "x", ""] {
            let answer =
                Frame.opening + Frame.headers([("grpc-status", text), ("grpc-message", "a%2")], isLast: true)
            #expect(try await error(answer) == .status(code: .unknown, message: "a%2"))
        }
    }

    @Test func thousandPingsASecondAreSound() async throws {
        // Go's servers measure the line by a PING for every burst of bytes; NIO's limit is 200 in half a minute.
        let pings = (0..<1000).flatMap { _ in Frame.frame(6, 0, 0, [UInt8](repeating: 0, count: 8)) }
        #expect(try await error(Frame.opening + pings + Frame.data(Frame.message([9])) + Frame.end) == nil)
    }
}
