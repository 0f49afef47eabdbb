import NIOCore
import NIOPosix

/// Connects when a call needs it, and keeps the connection until it is lost.
///
/// Used on the event loop alone, which makes it `Sendable`.
final class Connector: @unchecked Sendable {
    private enum State {
        case idle
        case connecting
        case connected(Transport)
        case closed
    }

    private let socket: String
    private let limits: GRPCConnection.Limits
    private let eventLoop: any EventLoop
    private var state = State.idle
    /// Calls that wait for the connection that is being made.
    private var waiting: [Call] = []
    /// All that are open, also those that take no new calls.
    private var transports: [ObjectIdentifier: Transport] = [:]
    /// Connections in a row that came to nothing.
    private var failures = 0
    private var earliest = NIODeadline.now()

    init(socket: String, limits: GRPCConnection.Limits, eventLoop: any EventLoop) {
        self.socket = socket
        self.limits = limits
        self.eventLoop = eventLoop
    }

    /// Opens a call's stream, on the connection that is there or on a new one.
    func open(_ call: Call) {
        switch state {
        case .closed:
            call.isRefused("the connection was closed by us")
        case .connected(let transport) where transport.takesCalls:
            transport.start(call)
        case .connected, .idle:
            if let transport = transports.values.first(where: \.takesCalls) {
                state = .connected(transport)
                return transport.start(call)
            }
            waiting.append(call)
            connect()
        case .connecting:
            waiting.append(call)
        }
    }

    /// Closes everything for ever; calls fail.
    func close() -> EventLoopFuture<Void> {
        state = .closed
        let refused = waiting
        waiting = []
        for call in refused { call.isRefused("the connection was closed by us") }
        let closed = transports.values.compactMap { $0.close(reason: "the connection was closed by us") }
        return EventLoopFuture.andAllComplete(closed, on: eventLoop)
    }

    private func connect() {
        state = .connecting
        eventLoop.scheduleTask(deadline: earliest) { self.connectNow() }
    }

    private func connectNow() {
        guard case .connecting = state else { return }
        let transport = Transport()
        let limits = limits
        ClientBootstrap(group: eventLoop)
            .connectTimeout(limits.connect.timeAmount)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try transport.install(in: channel, limits: limits) }
            }
            .connect(unixDomainSocketPath: socket)
            .whenComplete { result in
                switch result {
                case .success(let channel): self.connected(transport, channel)
                case .failure(let error): self.failed("\(error)")
                }
            }
    }

    private func connected(_ transport: Transport, _ channel: any Channel) {
        guard case .connecting = state else {
            channel.close(promise: nil)
            return
        }
        state = .connected(transport)
        transports[ObjectIdentifier(transport)] = transport
        channel.closeFuture.whenComplete { _ in self.lost(transport) }
        let calls = waiting
        waiting = []
        // As many as it takes; for others there is another one.
        for call in calls { open(call) }
    }

    private func lost(_ transport: Transport) {
        transports[ObjectIdentifier(transport)] = nil
        if transport.isProven { failures = 0 } else { countFailure() }
        guard case .connected(let current) = state, current === transport else { return }
        state = .idle
    }

    private func failed(_ reason: String) {
        countFailure()
        guard case .connecting = state else { return }
        state = .idle
        let calls = waiting
        waiting = []
        for call in calls { call.isRefused(reason) }
    }

    private func countFailure() {
        failures += 1
        earliest = .now() + limits.wait(failures: failures).timeAmount
    }
}
