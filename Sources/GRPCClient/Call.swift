import NIOCore
import NIOHPACK
import NIOHTTP2

/// One call: the handler of its HTTP/2 stream, and what its caller waits for.
///
/// It exists before the stream does, so that its time and its cancellation count while we connect, too. Everything in it
/// is used on the event loop alone, which makes it `Sendable`.
///
/// Nothing is read from the stream while a whole message waits to be taken: the stream's window fills up, and the server
/// has to wait.
final class Call: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias OutboundOut = HTTP2Frame.FramePayload
    /// Who waits for something, and learns of it exactly once.
    typealias Waiter<Value> = CheckedContinuation<Result<Value, GRPCError>, Never>

    /// What is sent when the stream opens.
    enum Opening {
        /// The only message, and the end.
        case message([UInt8])
        /// Nothing yet.
        case stream
    }

    private enum Outcome {
        case ok
        case failed(GRPCError)
    }

    private struct Reader {
        let id: Int
        let waiter: Waiter<[UInt8]?>
        let timer: Scheduled<Void>?
    }

    private struct Writer {
        let waiter: Waiter<Void>
        /// Whether it only ends our side.
        let isLast: Bool
    }

    let path: String
    private let socket: String
    private let metadata: [(String, String)]
    private let opening: Opening
    private let limit: Duration
    private let messageLimit: Int
    let eventLoop: any EventLoop
    private let deadline: NIODeadline

    private var transport: Transport?
    private var context: ChannelHandlerContext?
    private var outcome: Outcome?
    private var received: MessageReader
    private var hasHead = false
    private var hasFinished = false
    /// Why the stream was closed, if it was not the connection.
    private var resetReason: String?
    /// Whether the server has reset the stream.
    private var isReset = false
    private var timer: Scheduled<Void>?
    private var opener: Waiter<Void>?
    private var readers: [Reader] = []
    private var writers: [Int: Writer] = [:]
    private var lastID = 0

    /// - Parameter limit: how long the call may take, or opening it if it is a stream.
    init(
        path: String,
        metadata: [(String, String)],
        opening: Opening,
        limit: Duration,
        socket: String,
        limits: GRPCConnection.Limits,
        eventLoop: any EventLoop
    ) {
        self.path = path
        self.metadata = metadata
        self.opening = opening
        self.limit = limit
        self.socket = socket
        self.messageLimit = limits.message
        self.eventLoop = eventLoop
        self.deadline = .now() + limit.timeAmount
        self.received = MessageReader(limit: limits.message)
    }

    var isOver: Bool { outcome != nil }

    // MARK: What the caller asks for

    /// Begins the call's time; the connector gives it a stream.
    func begin(_ waiter: Waiter<Void>) {
        if case .failed(let error) = outcome {
            waiter.resume(returning: .failure(error))
            return
        }
        opener = waiter
        timer = eventLoop.scheduleTask(deadline: deadline) { [weak self] in self?.timeIsOver() }
    }

    /// Sends a message, or nil to end our side; the waiter learns when it has passed the stream's window.
    func send(_ message: [UInt8]?, timeout: Duration, _ waiter: Waiter<Void>) {
        let writer = Writer(waiter: waiter, isLast: message == nil)
        guard outcome == nil, !hasFinished, let context else {
            answer(writer, outcome ?? .ok)
            return
        }
        lastID += 1
        let id = lastID
        writers[id] = writer
        // Half a message cannot be taken back, so the call is over when the server does not take it.
        let timer = eventLoop.scheduleTask(in: timeout.timeAmount) { [weak self] in
            guard let self, self.writers[id] != nil else { return }
            self.abandon(.timedOut(path: self.path, limit: timeout))
        }
        let promise = eventLoop.makePromise(of: Void.self)
        promise.futureResult.whenComplete { result in
            timer.cancel()
            self.wasWritten(id, result)
        }
        write(message, isLast: writer.isLast, context, promise)
    }

    /// Takes the next message, now or when it comes; nil is the end.
    func next(timeout: Duration?, _ waiter: Waiter<[UInt8]?>) {
        lastID += 1
        let id = lastID
        let timer = timeout.map { timeout in
            eventLoop.scheduleTask(in: timeout.timeAmount) { [weak self] in
                guard let self, let index = self.readers.firstIndex(where: { $0.id == id }) else { return }
                let reader = self.readers.remove(at: index)
                reader.waiter.resume(returning: .failure(.timedOut(path: self.path, limit: timeout)))
            }
        }
        readers.append(Reader(id: id, waiter: waiter, timer: timer))
        deliver()
        askForMore()
    }

    /// Ends the call at once; what came and was not taken is dropped.
    func abandon(_ error: GRPCError) {
        guard outcome == nil else { return }
        received = MessageReader(limit: messageLimit)
        end(.failed(error))
    }

    /// Ends the call because whoever made it does not want it any more.
    func cancel() { abandon(.cancelled(path: path)) }

    // MARK: What the connector says

    /// There will be no stream.
    func isRefused(_ reason: String) { abandon(.unavailable(socket: socket, reason: reason)) }

    /// There is a connection, which opens the stream now.
    func isOpening(on transport: Transport) { self.transport = transport }

    // MARK: What the stream says

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { open(context) }
    }

    func channelActive(context: ChannelHandlerContext) { open(context) }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard outcome == nil else { return }
        switch unwrapInboundIn(data) {
        case .headers(let frame):
            take(frame.headers, isLast: frame.endStream)
        case .data(let frame):
            guard case .byteBuffer(let bytes) = frame.data else { return }
            take(bytes, isLast: frame.endStream)
        case .rstStream:
            isReset = true
        default:
            break
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) { askForMore() }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let closed = error as? NIOHTTP2Errors.StreamClosed else {
            abandon(.protocolFault(path: path, "\(error)"))
            return
        }
        if isReset || closed.errorCode == .refusedStream || closed.errorCode == .cancel {
            resetReason = "it ended the call with \(closed.errorCode)"
        } else {
            // Nobody but our side of HTTP/2 has reset the stream, for what the server did on it.
            abandon(.protocolFault(path: path, "the stream was closed for \(closed.errorCode)"))
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.context = nil
        guard outcome == nil else { return }
        if let fault = transport?.fault {
            end(.failed(.protocolFault(path: path, fault)))
        } else {
            let reason = resetReason ?? transport?.lossReason ?? "the connection was lost"
            end(.failed(.unavailable(socket: socket, reason: reason)))
        }
    }

    // MARK: The work

    private func open(_ context: ChannelHandlerContext) {
        guard outcome == nil else {
            close()
            return
        }
        // The server need not know how long a stream may take to open.
        var timeout: Duration?
        if case .message = opening {
            timeout = .nanoseconds(max((deadline - .now()).nanoseconds, 1))
        }
        let fields = Fields.request(path: path, metadata: metadata, timeout: timeout)
        let promise = eventLoop.makePromise(of: Void.self)
        promise.futureResult.whenFailure { error in
            self.abandon(.unavailable(socket: self.socket, reason: "the call could not be sent: \(error)"))
        }
        context.writeAndFlush(wrapOutboundOut(.headers(.init(headers: fields))), promise: promise)
        switch opening {
        case .message(let message):
            write(message, isLast: true, context, nil)
        case .stream:
            timer?.cancel()
            timer = nil
        }
        opener?.resume(returning: .success(()))
        opener = nil
        askForMore()
    }

    private func write(
        _ message: [UInt8]?,
        isLast: Bool,
        _ context: ChannelHandlerContext,
        _ promise: EventLoopPromise<Void>?
    ) {
        if isLast { hasFinished = true }
        let bytes = message.map(MessageReader.framed) ?? ByteBuffer()
        let frame = HTTP2Frame.FramePayload.data(.init(data: .byteBuffer(bytes), endStream: isLast))
        context.writeAndFlush(wrapOutboundOut(frame), promise: promise)
    }

    private func wasWritten(_ id: Int, _ result: Result<Void, any Error>) {
        switch (result, outcome) {
        case (.success, _): writers.removeValue(forKey: id)?.waiter.resume(returning: .success(()))
        // Whoever ended the call has answered.
        case (.failure, .some): break
        case (.failure(let error), nil):
            // The stream closes, and what for is mostly known a moment later.
            eventLoop.execute {
                guard self.writers[id] != nil else { return }
                self.abandon(
                    .unavailable(socket: self.socket, reason: "a message could not be sent: \(error)")
                )
            }
        }
    }

    private func answer(_ writer: Writer, _ outcome: Outcome) {
        switch outcome {
        // When the server has ended the call there is no side of ours to end; readers learn how it was.
        case .ok where writer.isLast, .failed(.status) where writer.isLast:
            writer.waiter.resume(returning: .success(()))
        case .ok: writer.waiter.resume(returning: .failure(.ended(path: path)))
        case .failed(let error): writer.waiter.resume(returning: .failure(error))
        }
    }

    private func take(_ fields: HPACKHeaders, isLast: Bool) {
        if !hasHead {
            guard isLast || !Fields.isInformational(fields) else { return }
            if let fault = Fields.fault(inHead: fields) {
                abandon(.protocolFault(path: path, fault))
                return
            }
            hasHead = true
        }
        guard isLast else { return }
        guard let status = Fields.status(inTrailers: fields) else {
            abandon(.protocolFault(path: path, "it has no grpc-status"))
            return
        }
        end(status.code == .ok ? .ok : .failed(.status(code: status.code, message: status.message)))
    }

    private func take(_ bytes: ByteBuffer, isLast: Bool) {
        guard hasHead else {
            abandon(.protocolFault(path: path, "data come before header fields"))
            return
        }
        do {
            try received.append(bytes)
        } catch {
            refuse(error)
            return
        }
        deliver()
        if isLast { abandon(.protocolFault(path: path, "it ended without a status")) }
    }

    private func refuse(_ fault: MessageReader.Fault) {
        switch fault {
        case .tooLong: abandon(.tooLong(path: path, limit: messageLimit))
        case .compressed(let flag):
            abandon(.protocolFault(path: path, "a message has flag \(flag): compression was not asked for"))
        }
    }

    /// Gives what came to those who wait.
    private func deliver() {
        while let reader = readers.first {
            let result: Result<[UInt8]?, GRPCError>
            if let message = received.next() {
                result = .success(message)
            } else if case .failed(let error) = outcome {
                result = .failure(error)
            } else if case .ok = outcome {
                result =
                    received.isEmpty
                    ? .success(nil) : .failure(.protocolFault(path: path, "it ended inside a message"))
            } else {
                break
            }
            readers.removeFirst()
            reader.timer?.cancel()
            reader.waiter.resume(returning: result)
            do { try received.check() } catch { refuse(error) }
        }
    }

    /// Reads on, unless a message waits to be taken.
    ///
    /// Not while frames are handed to us: reading hands over the next one at once, inside of the one before.
    private func askForMore() {
        if outcome == nil, !received.hasMessage { context?.read() }
    }

    private func end(_ newOutcome: Outcome) {
        guard outcome == nil else { return }
        outcome = newOutcome
        timer?.cancel()
        timer = nil
        if let opener {
            self.opener = nil
            answer(Writer(waiter: opener, isLast: false), newOutcome)
        }
        let waiting = writers
        writers = [:]
        for writer in waiting.values { answer(writer, newOutcome) }
        deliver()
        close()
    }

    /// Closes the stream, if the server has not: it is told by RST_STREAM.
    ///
    /// Later, because HTTP/2's own handler may be about to close it, and knows only when it is done with the frame.
    private func close() {
        guard let channel = context?.channel else { return }
        eventLoop.execute { channel.close(promise: nil) }
    }

    private func timeIsOver() {
        guard transport != nil else {
            abandon(.unavailable(socket: socket, reason: "no connection within \(limit)"))
            return
        }
        abandon(.timedOut(path: path, limit: limit))
    }
}
