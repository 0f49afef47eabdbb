import Glibc
import HostAPI
import JSON
import NIOCore
import NIOWebSocket

/// The client's side of a session: frames on one hand, standard input, output and error on the other.
///
/// Neither side can make the other hold more than a little: input is read only while the server has room for it, and the
/// server is read only while output is being taken.
final class ExecClientHandler: ChannelDuplexHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    /// Bytes of output that may wait for standard output and error.
    private static let maximumOutput = 256 << 10
    /// Bytes of input in one message.
    private static let inputPiece = 32 << 10

    private let request: ExecClientMessage.Initialize
    private let hasStreams: Bool
    private let streams: LocalStreams
    private let done: EventLoopPromise<ExecOutcome>
    private var context: ChannelHandlerContext?
    private var isBegun = false
    private var heartbeat: RepeatedTask?
    private var lastHeard = NIODeadline.now()
    /// How many messages of input may be on their way, and how many were sent and have arrived; nil until the server said so.
    private var window: UInt64?
    private var sent: UInt64 = 0
    private var written: UInt64 = 0
    private var isReadingInput = false
    private var isInputComplete = false
    private var waiting: [(descriptor: Int32, bytes: ByteBuffer)] = []
    private var waitingBytes = 0
    private var isWriting = false
    private var isReadHeld = false
    private var outcome: ExecOutcome?

    init(
        _ request: ExecClientMessage.Initialize,
        hasStreams: Bool,
        loop: any EventLoop,
        done: EventLoopPromise<ExecOutcome>
    ) {
        self.request = request
        self.hasStreams = hasStreams
        self.done = done
        streams = LocalStreams(loop: loop)
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    /// Says what to run: the connection takes messages now.
    func begin() {
        guard let context, outcome == nil else { return }
        isBegun = true
        lastHeard = .now()
        // Not before: until the session is there, Ctrl-C is to end this program.
        if request.terminal != nil { LocalTerminal.makeRaw() }
        var request = request
        // Other servers know no kinds of terminals.
        if !hasStreams { request.terminal?.term = nil }
        tell(.initialize(request))
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        let interval = TimeAmount.seconds(ExecProtocol.heartbeat)
        heartbeat = context.eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in
            bound.value.beat()
        }
        readInput()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        heartbeat?.cancel()
        self.context = nil
        finish(.failed("the connection was given up"))
    }

    func channelInactive(context: ChannelHandlerContext) {
        finish(.failed("the server closed the connection; the command was ended"))
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        finish(.failed("the connection to the server broke: \(error)"))
    }

    // MARK: From the server

    func read(context: ChannelHandlerContext) {
        guard waitingBytes < Self.maximumOutput else { return isReadHeld = true }
        context.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard outcome == nil else { return }
        lastHeard = .now()
        var bytes = unwrapInboundIn(data).unmaskedData
        switch unwrapInboundIn(data).opcode {
        case .text: message(bytes)
        case .binary:
            var stream: UInt8? = ExecProtocol.Stream.output.rawValue
            if hasStreams { stream = bytes.readInteger() }
            let isErrors = stream == ExecProtocol.Stream.errors.rawValue
            output(bytes, to: isErrors ? STDERR_FILENO : STDOUT_FILENO)
        case .ping: send(.pong, bytes)
        case .connectionClose:
            let code = bytes.readWebSocketErrorCode().map { UInt16(webSocketErrorCode: $0) } ?? 1005
            let reason = String(buffer: bytes)
            send(.connectionClose, ByteBuffer(integer: code))
            if code == ExecProtocol.Close.exited, let status = UInt32(reason) {
                finish(.exited(Int32(status & 0xff)))
            } else {
                finish(.failed(reason.isEmpty ? "the server closed the session with status \(code)" : reason))
            }
        default: break
        }
    }

    private func message(_ bytes: ByteBuffer) {
        let message: ExecServerMessage
        do {
            let limits = JSONLimits(bytes: 1 << 20, depth: 8)
            message = try ExecServerMessage(json: JSONValue(parsing: bytes.readableBytesView, limits: limits))
        } catch {
            return finish(.failed("a message of the server can't be read: \(error)"))
        }
        switch message {
        case .error(let problem): finish(.failed(problem.detail))
        case .capacity(let outstanding, let written):
            window = outstanding
            self.written = written
            readInput()
        }
    }

    private func output(_ bytes: ByteBuffer, to descriptor: Int32) {
        waiting.append((descriptor, bytes))
        waitingBytes += bytes.readableBytes
        writeOutput()
    }

    private func writeOutput() {
        guard !isWriting else { return }
        guard !waiting.isEmpty else { return finishIfDone() }
        isWriting = true
        let pieces = waiting
        let count = waitingBytes
        waiting = []
        streams.write(pieces).assumeIsolated().whenComplete { result in
            self.isWriting = false
            self.waitingBytes -= count
            if case .failure(let error) = result {
                self.waiting = []
                self.outcome = .outputFailed((error as? LocalStreams.WriteFailure)?.errno ?? EIO)
                return self.finishIfDone()
            }
            if self.isReadHeld, self.waitingBytes < Self.maximumOutput {
                self.isReadHeld = false
                // What we did not read could not be heard.
                self.lastHeard = .now()
                self.context?.read()
            }
            self.writeOutput()
        }
    }

    // MARK: To the server

    /// Reads standard input if the server has room for it.
    private func readInput() {
        guard let context, let window, isBegun, outcome == nil, !isReadingInput, !isInputComplete,
            sent &- written < window, context.channel.isWritable
        else { return }
        isReadingInput = true
        streams.read(atMost: Self.inputPiece).assumeIsolated().whenComplete { result in
            self.isReadingInput = false
            guard self.outcome == nil else { return }
            switch result {
            case .success(.bytes(let bytes)):
                self.sent += 1
                let name = ByteBuffer(integer: ExecProtocol.Stream.input.rawValue)
                self.send(.binary, bytes, stream: self.hasStreams ? name : nil)
                self.readInput()
            case .success(.end), .failure:
                self.isInputComplete = true
                self.tell(.contentComplete)
            }
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        readInput()
        context.fireChannelWritabilityChanged()
    }

    /// A new size of the terminal.
    func triggerUserOutboundEvent(
        context: ChannelHandlerContext,
        event: Any,
        promise: EventLoopPromise<Void>?
    ) {
        guard let size = event as? ExecTerminalSize else {
            return context.triggerUserOutboundEvent(event, promise: promise)
        }
        tell(.resize(size))
        promise?.succeed()
    }

    private func beat() {
        guard outcome == nil else { return }
        // Not an answer to the server's ping, which may lie behind output that we do not read yet.
        send(.pong, ByteBuffer())
        let limit = TimeAmount.seconds(ExecProtocol.silence)
        if !isReadHeld, NIODeadline.now() - lastHeard > limit {
            finish(.failed("nothing came from the server for \(ExecProtocol.silence) seconds"))
        }
    }

    private func tell(_ message: ExecClientMessage) {
        send(.text, ByteBuffer(string: message.json.description))
    }

    private func send(_ opcode: WebSocketOpcode, _ bytes: ByteBuffer, stream: ByteBuffer? = nil) {
        let frame = WebSocketFrame(
            fin: true,
            opcode: opcode,
            maskKey: .random(),
            data: bytes,
            extensionData: stream
        )
        context?.writeAndFlush(wrapOutboundOut(frame), promise: nil)
    }

    // MARK: End

    /// The session is over once all output is written.
    private func finish(_ outcome: ExecOutcome) {
        guard self.outcome == nil else { return }
        self.outcome = outcome
        finishIfDone()
    }

    private func finishIfDone() {
        guard let outcome, !isWriting, waiting.isEmpty else { return }
        heartbeat?.cancel()
        done.succeed(outcome)
    }
}
