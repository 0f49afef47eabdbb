public import NIOCore

/// What one client may take of the server: beyond it a request gets an exact status, or the connection is closed.
public struct ServerLimits: Sendable {
    /// The longest body, in bytes; longer ones get 413.
    public var body = 1 << 20
    /// Bytes of the bodies of all requests that are being read or answered; beyond it requests get 503.
    public var bodies = 16 << 20
    /// How long a body may take to come before it must make room for others when there is none.
    public var patience: TimeAmount = .seconds(1)
    /// Names and values of all header fields together, in bytes; more gets 431.
    public var headers = 16 << 10
    /// The longest request target, in bytes; longer ones get 414.
    public var target = 16 << 10
    /// Open connections; beyond it the one that waits longest goes, or new ones wait in the backlog of the kernel.
    public var connections = 256
    /// How long a connection may stay open between requests.
    public var idle: TimeAmount = .seconds(60)
    /// How long a request may take from its first byte to its last; then 408.
    public var request: TimeAmount = .seconds(30)
    /// How long a client may leave an answer unread.
    public var write: TimeAmount = .seconds(30)
    /// How long a refused client may go on sending before its connection is closed.
    public var drain: TimeAmount = .seconds(2)
    /// How often time limits are looked at: each may be exceeded by as much.
    public var tick: TimeAmount = .seconds(2)
    /// Clients of `/events` at one time; more get 503.
    public var watchers = 16
    /// How long requests may go on when the server was told to stop.
    public var shutdown: TimeAmount = .seconds(5)

    /// The limits that `docs/api.md` states.
    public init() {}
}
