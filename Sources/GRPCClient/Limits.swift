import NIOCore

extension GRPCConnection {
    /// What a server may cost us.
    public struct Limits: Sendable, Equatable {
        /// Bytes of one message that comes: 16 MiB.
        public var message = 16 << 20
        /// Bytes of a call that come and wait to be taken, besides one message: 256 KiB.
        ///
        /// A server that sends to a reader who does not read stops here.
        public var window = 256 << 10
        /// Calls that are open on one connection at a time; more get another connection.
        ///
        /// Below the 100 that NIO's HTTP/2 lets through to a server that names no number of its own, as containerd: calls
        /// beyond them would wait, unsent, for one of the others to end, and those that wait for a process may never.
        public var calls = 90
        /// How long connecting may take.
        public var connect: Duration = .seconds(5)
        /// The longest wait before the next attempt to connect, after some that failed.
        public var backOff: Duration = .seconds(1)

        /// The usual limits.
        public init() {}

        /// The wait after some failures: 10 ms, then twice as long each time.
        func wait(failures: Int) -> Duration {
            guard failures > 0 else { return .zero }
            return min(.milliseconds(10) * (1 << min(failures - 1, 16)), backOff)
        }
    }
}

extension Duration {
    /// The time as NIO has it: nothing below zero, and 68 years for all that is longer.
    var timeAmount: TimeAmount {
        let (seconds, attoseconds) = min(max(self, .zero), .seconds(1 << 31)).components
        return .nanoseconds(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
    }
}
