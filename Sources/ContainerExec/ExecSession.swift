import Glibc
import HostAPI
import NIOCore
import NIOPosix

/// The one who talks to the client of a session; told on the event loop.
protocol ExecSessionOwner: AnyObject {
    /// Whether the client has read so much that more output may be sent.
    var takesOutput: Bool { get }
    func output(_ bytes: ByteBuffer, _ stream: ExecProtocol.Stream)
    /// Another message of input is out of the session's hands.
    func inputWritten(total: UInt64)
    /// The command ended, and all of its output was told.
    func ended(_ result: Result<UInt32, ContainerExecError>)
}

/// One command in a container, between its FIFOs and a client; used on one event loop only.
///
/// It lives until the command is gone, whatever becomes of the client: a command without its client is asked to end
/// (SIGHUP with a terminal, else SIGTERM), and killed when it does not.
final class ExecSession {
    let loop: any EventLoop
    let id: String
    let command: ExecCommand
    private let runner: any ExecRunner
    private let folder: String
    private let limits: ExecLimits
    private let removal: CommandRemoval
    private weak var owner: (any ExecSessionOwner)?
    private let finished: () -> Void

    private var fifos: ExecFIFOs?
    var readers: [ExecOutputReader] = []
    private var openOutputs = 0
    private var outputs: [any Channel] = []
    private var input: (any Channel)?
    /// Input that came before the command was started.
    private var early: [ByteBuffer] = []
    private var heldBytes = 0
    private(set) var heldMessages: UInt64 = 0
    private var writtenMessages: UInt64 = 0
    private var isInputComplete = false
    private var isInputClosed = false
    /// Whether the input was opened, or given up.
    private var isInputReady = false
    private var isInputEnded = false

    private var isStarted = false
    private var isEnded = false
    private var status: UInt32?
    private var lastOutput = NIODeadline.now()
    private var restBytes = 0
    private var restCheck: RepeatedTask?
    private var isAbandoned = false
    private var killer: Scheduled<Void>?
    private var size: ExecTerminalSize?
    private var isResizing = false

    /// - Parameter finished: told once, when the command is gone and nothing of the session is left.
    init(
        _ command: ExecCommand,
        id: String,
        service: ExecService,
        loop: any EventLoop,
        owner: any ExecSessionOwner,
        finished: @escaping () -> Void
    ) {
        self.command = command
        self.id = id
        (runner, folder, limits, removal) = (service.runner, service.folder, service.limits, service.removal)
        self.loop = loop
        self.owner = owner
        self.finished = finished
    }

    // MARK: Start

    /// Makes the FIFOs and starts the command.
    func start() {
        do throws(ContainerExecError) {
            var fifos = try ExecFIFOs(folder: folder, id: id, hasTerminal: command.terminal != nil)
            let readers = fifos.takeReaders()
            self.fifos = fifos
            openOutputs = readers.count
            for (stream, descriptor) in readers {
                let opened = ExecOutputReader.attach(descriptor, stream, to: self, pieces: limits.output)
                opened.assumeIsolated().whenComplete { result in
                    switch result {
                    case .success(let channel):
                        self.outputs.append(channel)
                        if self.isEnded { channel.close(promise: nil) }
                    case .failure: self.openOutputs -= 1
                    }
                }
            }
        } catch {
            return end(.failure(error))
        }
        guard let streams = fifos?.streams else { return }
        LeftOverSessions.note(id: id, target: command.target, folder: folder)
        let (runner, command, id) = (runner, command, id)
        let bound = NIOLoopBound(self, eventLoop: loop)
        let loop = loop
        Task {
            do throws(ContainerExecError) {
                try await runner.start(command, id: id, streams: streams)
                loop.execute { bound.value.started() }
            } catch {
                loop.execute { bound.value.end(.failure(error)) }
            }
        }
    }

    private func started() {
        isStarted = true
        if let descriptor = fifos?.commandIsConnected() {
            openInput(descriptor, pause: .milliseconds(5))
        } else {
            inputOpened(nil)
        }
        fifos = nil
        let (runner, target, id, loop) = (runner, command.target, id, loop)
        let bound = NIOLoopBound(self, eventLoop: loop)
        Task {
            let result: Result<UInt32, ContainerExecError>
            do throws(ContainerExecError) {
                result = .success(try await runner.wait(target, id: id))
            } catch {
                result = .failure(error)
            }
            loop.execute { bound.value.commandEnded(result) }
        }
        if isAbandoned { askToEnd() }
        sendSize()
    }

    // MARK: Input

    /// Whether so much input is held that the client should not be read.
    var isInputFull: Bool { heldBytes >= limits.input }

    /// Takes a message of input.
    func write(_ bytes: ByteBuffer) {
        guard !isInputComplete, !isEnded else { return }
        heldBytes += bytes.readableBytes
        heldMessages += 1
        guard isStarted, !isInputClosed else {
            if isStarted { written(bytes.readableBytes) } else { early.append(bytes) }
            return
        }
        guard let input else { return early.append(bytes) }
        send(bytes, to: input)
    }

    /// Tells the command that no more input comes, once it has what came before.
    func completeInput() {
        guard !isInputComplete else { return }
        isInputComplete = true
        closeInputIfDone()
    }

    /// Takes the end that writes once the other one is open: the command's supervisor may open it only after the start.
    private func openInput(_ descriptor: Int32, pause: TimeAmount) {
        guard status == nil, !isEnded else {
            Glibc.close(descriptor)
            return inputOpened(nil)
        }
        guard ExecFIFOs.hasReader(descriptor) else {
            let bound = NIOLoopBound(self, eventLoop: loop)
            loop.scheduleTask(in: pause) {
                bound.value.openInput(descriptor, pause: min(pause * 2, .milliseconds(200)))
            }
            return
        }
        let opened = NIOPipeBootstrap(group: loop).takingOwnershipOfDescriptor(output: descriptor)
        opened.assumeIsolated().whenComplete { result in
            switch result {
            case .success(let channel): self.inputOpened(channel)
            case .failure:
                Glibc.close(descriptor)
                self.inputOpened(nil)
            }
        }
    }

    private func inputOpened(_ channel: (any Channel)?) {
        isInputReady = true
        input = channel
        isInputClosed = channel == nil
        let waiting = early
        early = []
        for bytes in waiting {
            if let channel { send(bytes, to: channel) } else { written(bytes.readableBytes) }
        }
        if isEnded { channel?.close(promise: nil) }
        closeInputIfDone()
    }

    private func send(_ bytes: ByteBuffer, to channel: any Channel) {
        let count = bytes.readableBytes
        channel.writeAndFlush(bytes).assumeIsolated().whenComplete { result in
            // A command may end its input itself: what it does not want is dropped.
            if case .failure = result { self.isInputClosed = true }
            self.written(count)
        }
    }

    private func written(_ count: Int) {
        heldBytes -= count
        heldMessages -= 1
        writtenMessages += 1
        owner?.inputWritten(total: writtenMessages)
        closeInputIfDone()
    }

    private func closeInputIfDone() {
        guard isInputComplete, isInputReady, heldMessages == 0, !isInputEnded else { return }
        isInputEnded = true
        isInputClosed = true
        input?.close(promise: nil)
        input = nil
        tellInputEnd()
    }

    /// Without it a command that reads to the end never ends: it is told for as long as the command runs.
    private func tellInputEnd() {
        guard status == nil, !isEnded else { return }
        let (runner, target, id, loop) = (runner, command.target, id, loop)
        let bound = NIOLoopBound(self, eventLoop: loop)
        Task {
            guard await !runner.closeInput(target, id: id) else { return }
            loop.scheduleTask(in: .seconds(1)) { bound.value.tellInputEnd() }
        }
    }

    // MARK: Terminal

    /// Gives the terminal another size; of sizes that come quickly, the last one counts.
    func resize(_ size: ExecTerminalSize) {
        guard command.terminal != nil else { return }
        self.size = size
        sendSize()
    }

    private func sendSize() {
        guard isStarted, !isResizing, status == nil, !isEnded, let size else { return }
        self.size = nil
        isResizing = true
        let (runner, target, id, loop) = (runner, command.target, id, loop)
        let bound = NIOLoopBound(self, eventLoop: loop)
        Task {
            await runner.resize(target, id: id, to: size)
            loop.execute {
                bound.value.isResizing = false
                bound.value.sendSize()
            }
        }
    }

    // MARK: Output

    func received(_ bytes: ByteBuffer, from stream: ExecProtocol.Stream) {
        lastOutput = .now()
        if status != nil { restBytes += bytes.readableBytes }
        if !isEnded { owner?.output(bytes, stream) }
    }

    func wantsMore(_ reader: ExecOutputReader) {
        // Without a client it is read all the same: a command that can't write can't end either.
        if isAbandoned || owner?.takesOutput ?? true { reader.read() }
    }

    /// The client has read enough for more to be sent.
    func resumeOutput() {
        for reader in readers { reader.read() }
    }

    func outputEnded(_ reader: ExecOutputReader) {
        openOutputs -= 1
        readers.removeAll { $0 === reader }
        endIfDone()
    }

    // MARK: End

    private func commandEnded(_ result: Result<UInt32, ContainerExecError>) {
        // Given up before.
        guard !isEnded else { return }
        guard case .success(let status) = result else { return end(result) }
        self.status = status
        killer?.cancel()
        lastOutput = .now()
        let bound = NIOLoopBound(self, eventLoop: loop)
        restCheck = loop.scheduleRepeatedTask(initialDelay: .milliseconds(250), delay: .milliseconds(250)) {
            _ in
            bound.value.endIfDone()
        }
        endIfDone()
    }

    /// Ends the session when the command has ended, and its output too, or what keeps it open is not worth waiting for.
    private func endIfDone() {
        guard let status, !isEnded else { return }
        // What waits for the client to read is not quiet.
        if !isAbandoned, owner?.takesOutput == false, openOutputs > 0, restBytes <= limits.rest {
            lastOutput = .now()
            return
        }
        let isQuiet = NIODeadline.now() - lastOutput >= limits.quiet
        if openOutputs <= 0 || isQuiet || restBytes > limits.rest { end(.success(status)) }
    }

    private func end(_ result: Result<UInt32, ContainerExecError>) {
        guard !isEnded else { return }
        isEnded = true
        killer?.cancel()
        restCheck?.cancel()
        fifos?.close()
        fifos = nil
        early = []
        input?.close(promise: nil)
        for channel in outputs { channel.close(promise: nil) }
        owner?.ended(result)
        var mayBeThere = isStarted
        if case .failure(.lost) = result { mayBeThere = true }
        guard mayBeThere else {
            LeftOverSessions.forget(id: id, folder: folder)
            return finished()
        }
        let (removal, target, id, loop) = (removal, command.target, id, loop)
        let bound = NIOLoopBound(self, eventLoop: loop)
        Task {
            await removal.remove(target, id: id)
            loop.execute { bound.value.finished() }
        }
    }

    /// The client is gone: nothing is told to it any more, and the command is made to end.
    func abandon() {
        guard !isAbandoned else { return }
        isAbandoned = true
        owner = nil
        resumeOutput()
        if isStarted { askToEnd() }
    }

    private func askToEnd() {
        send(command.terminal == nil ? SIGTERM : SIGHUP) { session in
            session.send(SIGKILL) { session in
                // A command that even this does not end waits for the kernel: it is left to it.
                let target = session.command.target
                session.end(.failure(.lost(target: target, reason: "it does not end, not even by SIGKILL")))
            }
        }
    }

    /// Sends a signal, again while the runtime is away, and goes on if the command has not ended a while after that.
    ///
    /// The wait for the command's end gives up when the runtime stays away.
    private func send(_ number: Int32, next: @escaping @Sendable (ExecSession) -> Void) {
        guard status == nil, !isEnded else { return }
        let (runner, target, id, loop, grace) = (runner, command.target, id, loop, limits.grace)
        let bound = NIOLoopBound(self, eventLoop: loop)
        Task {
            let isSent = await runner.signal(target, id: id, number)
            loop.execute {
                let session = bound.value
                guard session.status == nil, !session.isEnded else { return }
                session.killer = loop.scheduleTask(in: isSent ? grace : .milliseconds(500)) {
                    if isSent { next(bound.value) } else { bound.value.send(number, next: next) }
                }
            }
        }
    }
}
