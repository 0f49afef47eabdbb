import NIOCore

/// The open connections of a server; used on its event loop only.
final class ConnectionTable {
    private let limits: ServerLimits
    private var guards: [ObjectIdentifier: ConnectionGuard] = [:]
    /// Bytes of bodies that connections hold.
    private(set) var heldBytes = 0
    private var isStopping = false
    private var emptied: EventLoopPromise<Void>?
    private let counter: @Sendable (Int) -> Void
    private let loop: any EventLoop
    private var checks: RepeatedTask?

    /// - Parameters:
    ///   - loop: the event loop of all connections.
    ///   - counter: told the number of connections whenever it changes.
    init(limits: ServerLimits, loop: any EventLoop, counter: @escaping @Sendable (Int) -> Void) {
        self.limits = limits
        self.loop = loop
        self.counter = counter
    }

    var isFull: Bool { guards.count >= limits.connections }

    func add(_ connection: ConnectionGuard) {
        guards[ObjectIdentifier(connection)] = connection
        counter(guards.count)
        if isStopping { connection.finish() }
        scheduleChecks()
    }

    func remove(_ connection: ConnectionGuard) {
        guards[ObjectIdentifier(connection)] = nil
        counter(guards.count)
        if guards.isEmpty {
            emptied?.succeed()
            emptied = nil
            checks?.cancel()
            checks = nil
        }
    }

    /// Looks at the time limits now and then, as long as there are connections: an idle host is not woken up.
    private func scheduleChecks() {
        guard checks == nil else { return }
        let bound = NIOLoopBound(self, eventLoop: loop)
        checks = loop.scheduleRepeatedTask(initialDelay: limits.tick, delay: limits.tick) { _ in
            bound.value.check(.now())
        }
    }

    /// Closes connections whose time is over.
    func check(_ now: NIODeadline) {
        for connection in guards.values { connection.check(now) }
    }

    /// Makes room: closes the connection that has kept the server waiting longest.
    ///
    /// Without it, a client that opens connections and says nothing would keep all others out.
    func evictOne() {
        let waiting = guards.values.compactMap { connection in
            connection.waitsSince.map { (connection, $0) }
        }
        waiting.min { $0.1 < $1.1 }?.0.close()
    }

    /// Takes room for a part of a body; false if there is none.
    ///
    /// Then the client that has kept its room longest without sending all of its body, or behind an answer that may have no
    /// end, gives it back: a few of them would keep all others out.
    func hold(_ count: Int) -> Bool {
        guard count > limits.bodies - heldBytes else {
            heldBytes += count
            return true
        }
        let now = NIODeadline.now()
        let slow = guards.values.compactMap { connection in
            (connection.pinsSince ?? connection.holdsSince).map { (connection, $0) }
        }
        if let (connection, since) = slow.min(by: { $0.1 < $1.1 }), now - since >= limits.patience {
            connection.makeRoom()
        }
        return false
    }

    /// Gives room back.
    func release(_ count: Int) { heldBytes -= count }

    /// Lets requests finish and closes everything else; the promise is kept when no connection is left.
    func stop(_ promise: EventLoopPromise<Void>) {
        isStopping = true
        guard !guards.isEmpty else { return promise.succeed() }
        emptied = promise
        for connection in guards.values { connection.finish() }
    }

    /// Closes all connections, whatever they do.
    func closeAll() {
        for connection in guards.values { connection.close() }
    }
}

/// Keeps the number of connections within the limit: sits in the listening channel.
final class ConnectionLimiter: ChannelDuplexHandler {
    typealias InboundIn = any Channel
    typealias InboundOut = any Channel
    typealias OutboundIn = Never

    private let table: ConnectionTable
    private var isWaiting = false

    init(table: ConnectionTable) { self.table = table }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let channel = unwrapInboundIn(data)
        let bound = NIOLoopBound((handler: self, context: context), eventLoop: context.eventLoop)
        channel.closeFuture.whenComplete { _ in
            let (handler, context) = bound.value
            handler.connectionClosed(context)
        }
        context.fireChannelRead(data)
        if table.isFull { table.evictOne() }
    }

    func read(context: ChannelHandlerContext) {
        guard !table.isFull else { return isWaiting = true }
        context.read()
    }

    private func connectionClosed(_ context: ChannelHandlerContext) {
        guard isWaiting, !table.isFull else { return }
        isWaiting = false
        context.read()
    }
}
