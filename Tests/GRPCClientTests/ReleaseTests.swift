import NIOCore
import NIOPosix
import Testing

@testable import GRPCClient

/// Nothing is kept of calls and connections that have ended.
@Suite(.timeLimit(.minutes(1)))
struct ReleaseTests {
    /// What is looked at, without keeping it.
    private struct Traces {
        weak var ended: Call?
        weak var open: Call?
        weak var cancelled: Call?
        weak var connector: Connector?

        var isEmpty: Bool { ended == nil && open == nil && cancelled == nil && connector == nil }
    }

    @Test func callsAndConnectionsGoAway() async throws {
        // The first call is answered, the others never are.
        let server = try await RawServer(Frame.opening + Frame.data(Frame.message([9])) + Frame.end)
        let traces = try await use(server)
        for _ in 0..<400 where !traces.isEmpty { try await Task.sleep(for: .milliseconds(50)) }
        #expect(traces.ended == nil, "a call that has ended")
        #expect(traces.open == nil, "a call that was open when the connection was closed")
        #expect(traces.cancelled == nil, "a call that was cancelled")
        #expect(traces.connector == nil, "a connector that was closed")
        try await server.close()
    }

    private func use(_ server: RawServer) async throws -> Traces {
        let eventLoop = MultiThreadedEventLoopGroup.singleton.any()
        let connector = Connector(socket: server.socket, limits: .init(), eventLoop: eventLoop)
        func call(_ opening: Call.Opening) async throws -> Call {
            let call = Call(
                path: "/test.T/M",
                metadata: [],
                opening: opening,
                limit: .seconds(20),
                socket: server.socket,
                limits: .init(),
                eventLoop: eventLoop
            )
            try await call.result { call, waiter in
                call.begin(waiter)
                connector.open(call)
            }
            return call
        }
        let ended = try await call(.message([1]))
        #expect(try await ended.result { $0.next(timeout: nil, $1) } == [9])
        #expect(try await ended.result { $0.next(timeout: nil, $1) } == nil)
        let cancelled = try await call(.stream)
        eventLoop.execute { cancelled.cancel() }
        let open = try await call(.stream)
        try await open.result { $0.send([1], timeout: .seconds(20), $1) }
        try await eventLoop.flatSubmit { connector.close() }.get()
        await #expect(throws: GRPCError.self) { try await open.result { $0.next(timeout: nil, $1) } }
        return Traces(ended: ended, open: open, cancelled: cancelled, connector: connector)
    }
}
