public import NIOCore

/// What sessions may take of the server.
public struct ExecLimits: Sendable {
    /// Sessions at one time, with those whose command is still being ended; more get 503.
    public var sessions = 128
    /// Bytes of input that are kept for a command that does not read; beyond it the client is not read either.
    public var input = 256 << 10
    /// Bytes of output that are read at once: the longest message to a client.
    public var output = 32 << 10
    /// How long a client may take to say what to run.
    public var initialize: TimeAmount = .seconds(30)
    /// How often clients are pinged.
    public var heartbeat: TimeAmount = .seconds(2)
    /// How long a client may be silent.
    public var silence: TimeAmount = .seconds(10)
    /// How long a command may take to end when its client is gone, before it is killed.
    public var grace: TimeAmount = .seconds(5)
    /// How long it is tried to end what is left of a command while the runtime does not do it; then the next server does.
    public var removal: TimeAmount = .hours(1)
    /// How long output may fail to come after the command has ended, because a child of it keeps the FIFO open.
    public var quiet: TimeAmount = .seconds(2)
    /// Bytes of output after the command's end, for the same reason; what a command left behind itself is far less.
    public var rest = 4 << 20
    /// How long a client may take to answer the closing message.
    public var closing: TimeAmount = .seconds(2)

    /// The limits that `docs/api.md` states.
    public init() {}
}
