import HostAPI
import JSON
import NIOCore
import NIOHTTP1

/// Stands in a connection between the HTTP decoder and the rest: limits, refusals, keep-alive, ready answers.
///
/// A request that is refused here, before or while it is read, gets its problem details after the answers to the
/// requests before it, and the connection is closed: what follows can't be told from the refused one.
final class ConnectionGuard: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    enum Phase { case idle, head, body, upgrading, upgraded }

    let limits: ServerLimits
    private let table: ConnectionTable
    private let readyAnswer: @Sendable (HTTPRequestHead) -> ReadyAnswer?
    private let upgradeAnswer: @Sendable (HTTPRequestHead, any Channel) -> Upgrade?
    private let refused: @Sendable (Int) -> Void

    private var context: ChannelHandlerContext?
    var phase = Phase.idle
    /// When the request that is being read began.
    private var requestSince = NIODeadline.now()
    /// Since when the client has asked for nothing.
    private var idleSince = NIODeadline.now()
    private var unwritableSince: NIODeadline?
    /// Whether more is to be read as soon as the client has read its answers.
    var isReadHeld = false
    /// Bytes of the request line so far, and whether its end was seen.
    private var lineLength = 0
    private var sawLineEnd = false
    private var bodySize = 0
    /// Requests that were passed on and not answered completely.
    private var inFlight = 0
    /// Bytes of the bodies of those requests, in their order.
    private var held: [Int] = []
    /// Since when the answer to the first of those requests is being sent.
    private var responseSince: NIODeadline?
    /// No request after the last one is read: it said so, or the server stops.
    private var isLastRequest = false
    private(set) var version = HTTPVersion.http1_1
    private var ready: ReadyAnswer?
    /// What the connection becomes when the request that is being read has ended.
    var upgrade: Upgrade?
    /// A refusal that waits for this many answers before it.
    private var refusal: (refusal: Refusal, after: Int)?
    /// What came first of the request that is being read, until its head is read: a method that the decoder does not know
    /// is looked up there.
    private var firstBytes: ByteBuffer?
    /// Whether the request that is being read is a HEAD, whose answer has no content.
    private var isHead = false
    private var drainUntil: NIODeadline?

    init(
        limits: ServerLimits,
        table: ConnectionTable,
        readyAnswer: @escaping @Sendable (HTTPRequestHead) -> ReadyAnswer?,
        upgradeAnswer: @escaping @Sendable (HTTPRequestHead, any Channel) -> Upgrade?,
        refused: @escaping @Sendable (Int) -> Void
    ) {
        self.limits = limits
        self.table = table
        self.readyAnswer = readyAnswer
        self.upgradeAnswer = upgradeAnswer
        self.refused = refused
    }

    /// Since when the server waits for this client; nil while it works for it.
    var waitsSince: NIODeadline? {
        if drainUntil != nil { return .uptimeNanoseconds(0) }
        // Of an upgraded connection its own handlers know whether it waits.
        guard !isUpgraded, inFlight == 0 || phase == .body else { return nil }
        return phase == .idle ? idleSince : requestSince
    }

    /// Since when a body that is not complete keeps room; nil if none does.
    var holdsSince: NIODeadline? {
        phase == .body && refusal == nil && drainUntil == nil && (held.last ?? 0) > 0 ? requestSince : nil
    }

    /// Since when bodies keep room while an answer is being sent that may have no end; nil if none do.
    ///
    /// The answer is to their own request, or to one before them.
    var pinsSince: NIODeadline? { held.contains { $0 > 0 } ? responseSince : nil }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        table.add(self)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        table.remove(self)
        table.release(held.reduce(0, +))
        held = []
        self.context = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        table.remove(self)
        // Without an error, whoever reads the body would take the part that came for all of it.
        if phase == .body { context.fireErrorCaught(ChannelError.inputClosed) }
        context.fireChannelInactive()
    }

    /// Told by the tap in front of the decoder.
    func bytesArrived(_ buffer: ByteBuffer) {
        if phase == .idle {
            phase = .head
            requestSince = .now()
            lineLength = 0
            sawLineEnd = false
            firstBytes = buffer
            isHead = false
        }
        if phase == .head, !sawLineEnd {
            let bytes = buffer.readableBytesView
            let end = bytes.firstIndex(of: UInt8(ascii: "\n"))
            lineLength += bytes[..<(end ?? bytes.endIndex)].count
            sawLineEnd = end != nil
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard refusal == nil, drainUntil == nil, !isUpgraded else { return }
        switch unwrapInboundIn(data) {
        case .head(let head):
            if phase == .idle { requestSince = .now() }
            guard !isLastRequest else { return }
            begin(head, context)
        case .body(let bytes):
            guard phase == .body else { return }
            bodySize += bytes.readableBytes
            guard bodySize <= limits.body else { return refuse(.bodyTooLarge(limits)) }
            guard ready == nil else { return }
            if upgrade != nil { return refuse(.bodyOfUpgrade) }
            // Without one, the request is answered already, and nobody keeps the rest of its body.
            if !held.isEmpty {
                guard table.hold(bytes.readableBytes) else { return refuseBody() }
                held[held.count - 1] += bytes.readableBytes
            }
            context.fireChannelRead(data)
        case .end:
            guard phase == .body else { return }
            phase = .idle
            idleSince = .now()
            if let upgrade {
                begin(upgrade, context)
            } else if let ready {
                self.ready = nil
                send(ready, context)
            } else {
                context.fireChannelRead(data)
            }
        }
    }

    private func begin(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        version = head.version.major == 1 && head.version.minor == 0 ? .http1_0 : .http1_1
        // What comes after an upgrade is no HTTP/1 for the decoder, whether we do upgrade or not.
        isLastRequest = !head.isKeepAlive || head.headers.contains(name: "upgrade")
        phase = .head
        firstBytes = nil
        isHead = head.method == .HEAD
        var head = head
        head.uri = Self.originForm(head.uri)
        if let refusal = fault(of: head) { return refuse(refusal) }
        phase = .body
        bodySize = 0
        if inFlight == 0, let answer = readyAnswer(head) {
            ready = answer
            return
        }
        if inFlight == 0, head.headers.contains(name: "upgrade"),
            let answer = upgradeAnswer(head, context.channel)
        {
            upgrade = answer
            return
        }
        if head.headers[canonicalForm: "expect"].contains(where: { $0.lowercased() == "100-continue" }),
            inFlight == 0, version == .http1_1
        {
            let informational = HTTPResponseHead(version: version, status: .continue)
            context.writeAndFlush(wrapOutboundOut(.head(informational)), promise: nil)
        }
        inFlight += 1
        held.append(0)
        context.fireChannelRead(wrapInboundOut(.head(head)))
    }

    /// Whether the connection speaks, or is about to speak, another protocol, whose handlers stand in front of this one.
    private var isUpgraded: Bool { phase == .upgrading || phase == .upgraded }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if drainUntil != nil || isUpgraded {
            // The refusal, or the upgrade, was the answer.
            promise?.succeed()
            return
        }
        switch unwrapOutboundIn(data) {
        case .head(var head):
            guard head.status.code >= 200 else { return context.write(data, promise: promise) }
            responseSince = .now()
            head.version = version
            if isLastRequest, inFlight == 1 { head.headers.replaceOrAdd(name: "connection", value: "close") }
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .body:
            context.write(data, promise: promise)
        case .end:
            responseSince = nil
            inFlight -= 1
            if !held.isEmpty { table.release(held.removeFirst()) }
            if inFlight == 0 { idleSince = .now() }
            context.write(data, promise: promise)
            answered(context)
        }
    }

    /// An answer is complete: what waited for it may come.
    private func answered(_ context: ChannelHandlerContext) {
        if let waiting = refusal {
            refusal = (waiting.refusal, waiting.after - 1)
            if waiting.after <= 1 { send(waiting.refusal, context) }
        } else if isLastRequest, inFlight == 0 {
            context.flush()
            drain(context)
        }
    }

    private func send(_ answer: ReadyAnswer, _ context: ChannelHandlerContext) {
        var head = HTTPResponseHead(version: version, status: .ok, headers: answer.headers)
        if isLastRequest { head.headers.add(name: "connection", value: "close") }
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(answer.body))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        if isLastRequest { drain(context) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let fault = error as? HTTPParserError else {
            // The connection itself failed: whoever works for it learns it.
            return context.fireErrorCaught(error)
        }
        switch fault {
        case .headerOverflow:
            refuse(
                phase == .head && lineLength > limits.target
                    ? .targetTooLong(limits) : .headersTooLarge(limits)
            )
        // The client went away in the middle of a request.
        case .invalidEOFState, .closedConnection: close()
        default:
            if phase != .body, let refusal = unknownMethod(fault) { return refuse(refusal) }
            refuse(Problem(status: 400, detail: "the request is not HTTP/1.1: \(fault)"))
        }
    }

    /// The refusal of a method that the decoder does not know; nil when something else is wrong with the request.
    private func unknownMethod(_ fault: HTTPParserError) -> Refusal? {
        if let firstBytes, let line = RequestLine(firstBytes.readableBytesView),
            Endpoint.Method(rawValue: line.method) == nil
        {
            return Refusal(method: line.method, target: Self.originForm(line.target))
        }
        // Of a request behind others, and of one in pieces, the decoder does not show the line.
        return fault == .invalidMethod && firstBytes == nil ? Refusal(method: nil, target: "/") : nil
    }

    /// Refuses the request that is being read, for whose body there is no room.
    private func refuseBody() { refuse(Refusal(noRoom: limits)) }

    /// Gives the room back that bodies keep: told to a client that has kept it long.
    func makeRoom() {
        // A refusal would wait for the answers before it, and the room with it.
        if inFlight > 1 || responseSince != nil { close() } else { refuseBody() }
    }

    func refuse(_ problem: Problem) { refuse(Refusal(problem)) }

    private func refuse(_ refused: Refusal) {
        guard let context, refusal == nil, drainUntil == nil else { return }
        // It was answered before its body came: a second answer would be taken for that to the client's next request.
        if phase == .body, ready == nil, upgrade == nil, inFlight == 0 { return drain(context) }
        // The request that is being read was passed on with its head, unless it had a ready answer.
        let isPassedOn = phase == .body && ready == nil && upgrade == nil
        ready = nil
        upgrade = nil
        let before = isPassedOn ? inFlight - 1 : inFlight
        if before <= 0, responseSince == nil {
            send(refused, context)
        } else if before <= 0 {
            close()
        } else {
            refusal = (refused, before)
        }
    }

    private func send(_ refusal: Refusal, _ context: ChannelHandlerContext) {
        let status = refusal.problem.status
        refused(status)
        let body = ByteBuffer(string: refusal.problem.json.description)
        var head = HTTPResponseHead(
            version: version,
            status: .custom(code: UInt(status), reasonPhrase: Problem.reasonPhrase(status)),
            headers: [
                "content-type": Problem.mediaType, "content-length": "\(body.readableBytes)",
                "connection": "close",
            ]
        )
        if let allow = refusal.allow { head.headers.add(name: "allow", value: allow) }
        if status == 426 { head.headers.add(name: "upgrade", value: "websocket") }
        if let seconds = refusal.retryAfter { head.headers.add(name: "retry-after", value: "\(seconds)") }
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if !isHead { context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil) }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        drain(context)
    }

    /// Says that no more answers come, and closes when the client does or its time is over.
    ///
    /// A client that still sends gets the answer before the connection breaks.
    private func drain(_ context: ChannelHandlerContext) {
        drainUntil = .now() + limits.drain
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        context.close(mode: .output).whenFailure { _ in bound.value.close() }
    }

    /// Reads nothing from a client that leaves answers unread, else its requests would fill the memory with answers.
    func read(context: ChannelHandlerContext) {
        guard phase == .upgraded || drainUntil != nil || context.channel.isWritable && phase != .upgrading
        else {
            return isReadHeld = true
        }
        context.read()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        let isWritable = context.channel.isWritable
        unwritableSince = isWritable ? nil : .now()
        context.fireChannelWritabilityChanged()
        if isWritable, isReadHeld, phase != .upgrading {
            isReadHeld = false
            context.read()
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed {
            // Nothing more comes; if nobody works for the client, there is nothing left to do.
            if drainUntil != nil || inFlight == 0 && ready == nil && upgrade == nil { return close() }
            isLastRequest = true
        }
        context.fireUserInboundEventTriggered(event)
    }

    /// Ends what takes too long.
    func check(_ now: NIODeadline) {
        if let drainUntil, now >= drainUntil { return close() }
        if isUpgraded { return }
        if let unwritableSince, now - unwritableSince >= limits.write { return close() }
        if phase != .idle, now - requestSince >= limits.request {
            // The time that requests before it take is not the client's fault.
            let isPassedOn = phase == .body && ready == nil && upgrade == nil
            if inFlight > (isPassedOn ? 1 : 0) { return requestSince = now }
            return refuse(.requestTimeout(limits))
        }
        if phase == .idle, inFlight == 0, now - idleSince >= limits.idle { close() }
    }

    /// Closes the connection as soon as the requests that were read are answered.
    func finish() {
        isLastRequest = true
        if inFlight == 0 && ready == nil && upgrade == nil { close() }
    }

    /// Closes the connection.
    func close() { context?.close(promise: nil) }
}
