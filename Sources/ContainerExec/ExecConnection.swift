import HostAPI
import JSON
import NIOCore
import NIOWebSocket

/// The WebSocket of one session: turns frames into messages, and what the command does into frames.
///
/// Stands in front of the HTTP server's handlers, of which none sees frames.
final class ExecConnection: ChannelDuplexHandler {
    typealias InboundIn = WebSocketFrame
    typealias InboundOut = WebSocketFrame
    typealias OutboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    private let service: ExecService
    /// Whether streams are told apart.
    private let hasStreams: Bool
    private let peer: String
    private var context: ChannelHandlerContext?
    private var session: ExecSession?
    private var messages = WebSocketMessages(limit: ExecProtocol.maximumMessage)
    private var lastHeard = NIODeadline.now()
    private let opened = NIODeadline.now()
    private var heartbeat: RepeatedTask?
    private var isReadHeld = false
    /// This connection, and its command once there is one: the room of the session is free when both are gone.
    private var parts = 1
    /// The closing message was sent: nothing is, after it.
    private var isClosing = false

    /// - Parameter peer: the client, for the log.
    init(service: ExecService, hasStreams: Bool, peer: String) {
        self.service = service
        self.hasStreams = hasStreams
        self.peer = peer
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        service.opened(self, on: context.eventLoop)
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        let interval = service.limits.heartbeat
        heartbeat = context.eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in
            bound.value.beat()
        }
        tell(.capacity(outstanding: ExecProtocol.maximumOutstanding, written: 0))
    }

    func handlerRemoved(context: ChannelHandlerContext) { gone() }

    func channelInactive(context: ChannelHandlerContext) {
        gone()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case NIOWebSocketError.invalidFrameLength:
            let limit = ExecProtocol.maximumMessage
            fail(ExecProtocol.Close.tooMuch, "messages may have at most \(limit) bytes")
        case is NIOWebSocketError: fail(ExecProtocol.Close.protocolFault, "not a WebSocket's frame")
        default: context.close(promise: nil)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // WebSockets have no half of a connection.
        if let event = event as? ChannelEvent, event == .inputClosed { return context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    private func gone() {
        guard context != nil else { return }
        context = nil
        heartbeat?.cancel()
        service.closed(self)
        session?.abandon()
        partEnded()
    }

    private func partEnded() {
        parts -= 1
        guard parts == 0 else { return }
        session = nil
        service.ended()
    }

    // MARK: From the client

    func read(context: ChannelHandlerContext) {
        guard session?.isInputFull != true || isClosing else { return isReadHeld = true }
        context.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        lastHeard = .now()
        switch messages.take(frame) {
        case .none: break
        case .ping(let bytes):
            if !isClosing, context.channel.isWritable {
                write(WebSocketFrame(fin: true, opcode: .pong, data: bytes))
            }
        case .close(let bytes):
            if !isClosing { write(WebSocketFrame(fin: true, opcode: .connectionClose, data: bytes)) }
            isClosing = true
            context.close(promise: nil)
        case .text(let bytes): if !isClosing { message(bytes) }
        case .binary(let bytes): if !isClosing { input(bytes) }
        case .fault(let status, let reason): fail(status, reason)
        }
    }

    private func message(_ bytes: ByteBuffer) {
        let limits = JSONLimits(bytes: ExecProtocol.maximumMessage, depth: 8)
        let message: ExecClientMessage
        do {
            message = try ExecClientMessage(json: JSONValue(parsing: bytes.readableBytesView, limits: limits))
        } catch {
            return fail(ExecProtocol.Close.invalidMessage, "invalid JSON in client message: \(error)")
        }
        switch message {
        case .initialize(let request): begin(request)
        case .contentComplete:
            guard let session else {
                return fail(ExecProtocol.Close.outOfOrder, "ContentComplete sent before initialization")
            }
            session.completeInput()
        case .resize(let size): session?.resize(size)
        }
    }

    private func begin(_ request: ExecClientMessage.Initialize) {
        guard session == nil, let context else {
            return fail(ExecProtocol.Close.outOfOrder, "Initialize sent twice")
        }
        parts += 1
        let session = ExecSession(
            ExecCommand(target: request.target, arguments: request.command, terminal: request.terminal),
            id: service.newID(),
            service: service,
            loop: context.eventLoop,
            owner: self,
            finished: { self.partEnded() }
        )
        self.session = session
        service.log(
            "exec \(session.id) in '\(request.target)' of \(Self.shown(request.command.first)) for \(peer)"
        )
        session.start()
    }

    private func input(_ bytes: ByteBuffer) {
        guard let session else {
            return fail(ExecProtocol.Close.outOfOrder, "process data sent before initialization")
        }
        guard session.heldMessages < ExecProtocol.maximumOutstanding else {
            return fail(ExecProtocol.Close.tooMuch, "write buffer full; obey capacity updates")
        }
        var bytes = bytes
        if hasStreams {
            let stream: UInt8? = bytes.readInteger()
            guard stream == ExecProtocol.Stream.input.rawValue else {
                return fail(ExecProtocol.Close.invalidMessage, "input must begin with the byte 0")
            }
        }
        session.write(bytes)
    }

    // MARK: To the client

    private func beat() {
        guard let context else { return }
        let (now, limits) = (NIODeadline.now(), service.limits)
        // What we do not read can't be heard.
        if isReadHeld { lastHeard = now }
        if now - lastHeard > limits.silence {
            service.log("exec: \(peer) has not been heard of for too long")
            return context.close(promise: nil)
        }
        if session == nil, now - opened > limits.initialize {
            return fail(ExecProtocol.Close.outOfOrder, "no Initialize came in time")
        }
        if context.channel.isWritable, !isClosing {
            write(WebSocketFrame(fin: true, opcode: .ping, data: ByteBuffer()))
        }
    }

    private func tell(_ message: ExecServerMessage) {
        write(WebSocketFrame(fin: true, opcode: .text, data: ByteBuffer(string: message.json.description)))
    }

    private func write(_ frame: WebSocketFrame) {
        context?.writeAndFlush(wrapOutboundOut(frame), promise: nil)
    }

    /// Ends the session for what the client did.
    private func fail(_ status: UInt16, _ reason: String) {
        guard !isClosing else { return }
        close(status, reason)
        session?.abandon()
    }

    /// The server stops.
    func stop() {
        fail(ExecProtocol.Close.stopping, "the host's API server stops")
    }

    /// Sends the closing message; the connection follows when the client has answered, or does not.
    private func close(_ status: UInt16, _ reason: String) {
        guard let context, !isClosing else { return }
        isClosing = true
        var data = ByteBuffer()
        data.write(webSocketErrorCode: WebSocketErrorCode(codeNumber: Int(status)))
        data.writeString(Self.shortened(reason))
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        let patience = service.limits.closing
        let frame = WebSocketFrame(fin: true, opcode: .connectionClose, data: data)
        context.writeAndFlush(wrapOutboundOut(frame)).assumeIsolated().whenComplete { _ in
            bound.value.eventLoop.scheduleTask(in: patience) { bound.value.close(promise: nil) }
        }
        if isReadHeld {
            isReadHeld = false
            context.read()
        }
    }

    /// A program in a line of the log, whatever its name is.
    private static func shown(_ program: String?) -> String {
        let start = (program ?? "").unicodeScalars.prefix(256)
        return "'\(String(String.UnicodeScalarView(start)).debugDescription.dropFirst().dropLast())'"
    }

    /// A control frame has 125 bytes, of which the status takes two.
    private static func shortened(_ reason: String) -> String {
        guard reason.utf8.count > 123 else { return reason }
        var result = ""
        for character in reason {
            guard result.utf8.count + character.utf8.count <= 120 else { break }
            result.append(character)
        }
        return result + "..."
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        context.fireChannelWritabilityChanged()
        if context.channel.isWritable { session?.resumeOutput() }
    }
}

extension ExecConnection: ExecSessionOwner {
    var takesOutput: Bool { context?.channel.isWritable ?? true }

    func output(_ bytes: ByteBuffer, _ stream: ExecProtocol.Stream) {
        guard !isClosing else { return }
        // The byte that names the stream goes in front without a copy of what follows.
        let name = hasStreams ? ByteBuffer(integer: stream.rawValue) : nil
        write(WebSocketFrame(fin: true, opcode: .binary, data: bytes, extensionData: name))
    }

    func inputWritten(total: UInt64) {
        if !isClosing, total.isMultiple(of: ExecProtocol.capacityInterval) {
            tell(.capacity(outstanding: ExecProtocol.maximumOutstanding, written: total))
        }
        guard isReadHeld, session?.isInputFull == false else { return }
        isReadHeld = false
        context?.read()
    }

    func ended(_ result: Result<UInt32, ContainerExecError>) {
        switch result {
        case .success(let status): close(ExecProtocol.Close.exited, String(status))
        case .failure(let error):
            service.log("exec \(session?.id ?? ""): \(error)")
            if hasStreams {
                tell(.error(error.problem))
                close(ExecProtocol.Close.failed, "see the message before")
            } else {
                close(ExecProtocol.Close.failed, "failed to spawn process: \(error)")
            }
        }
    }
}
