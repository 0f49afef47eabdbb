import Glibc
public import HostAPI
public import JSON
public import NIOCore
import Synchronization

/// Tells clients of `GET /events` what happens.
///
/// Each watcher has a short queue; one that does not keep up is dropped instead of making the server remember for it.
public final class EventHub: Sendable {
    /// Events that are kept for clients that come back with `Last-Event-ID`.
    static let kept = 256
    /// Bytes of the events that are kept, at most.
    static let keptBytes = 1 << 20
    /// The longest message, in bytes: of a longer event, only the beginning of each list is told.
    static let maximumLength = 32 << 10
    /// Messages that wait for one client, at most.
    static let queueLength = 64

    /// One client's view: what it missed, and what comes.
    public struct Watch: Sendable {
        /// Its number, which ends it.
        public let number: UInt64
        /// Events after the last one that the client has seen.
        public let missed: [ByteBuffer]
        /// What comes; ends when the client is dropped or the server stops.
        public let messages: AsyncStream<Message>
    }

    /// A message as it is sent.
    public struct Message: Sendable {
        /// What goes over the wire.
        public let text: ByteBuffer
        /// False for signs of life.
        public let isEvent: Bool
    }

    private struct State {
        var lastEvent: UInt64 = 0
        var lastWatcher: UInt64 = 0
        var recent: [(id: UInt64, text: ByteBuffer)] = []
        var recentBytes = 0
        var watchers: [UInt64: AsyncStream<Message>.Continuation] = [:]
        var isStopped = false
    }

    private let state = Mutex(State())
    private let limit: Int
    private static let signOfLife = Message(text: ByteBuffer(string: Event.keepAlive), isEvent: false)

    /// - Parameters:
    ///   - limit: how many clients there may be.
    ///   - start: the number that ids go on from.
    public init(limit: Int, start: UInt64 = EventHub.microseconds) {
        self.limit = limit
        state.withLock { $0.lastEvent = start }
    }

    /// The time, so that the ids of a server that was restarted are higher than what clients have seen of the one before.
    public static var microseconds: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        // Up to the year 2255 these are numbers that every reader of JSON takes (RFC 8259, section 6).
        return UInt64(clamping: time.tv_sec) &* 1_000_000 &+ UInt64(clamping: time.tv_nsec / 1000)
    }

    /// The number of clients.
    public var count: Int { state.withLock { $0.watchers.count } }

    /// Tells all watchers; `data` must be without secrets.
    public func publish(_ name: Event.Name, _ data: JSONValue) {
        let late = state.withLock { state in
            state.lastEvent += 1
            let text = Self.text(Event(id: state.lastEvent, name: name, data: data))
            state.recent.append((state.lastEvent, text))
            state.recentBytes += text.readableBytes
            while state.recent.count > Self.kept || state.recentBytes > Self.keptBytes {
                state.recentBytes -= state.recent.removeFirst().text.readableBytes
            }
            return Self.send(Message(text: text, isEvent: true), &state)
        }
        // Finished outside of the lock: a continuation's end calls back.
        for watcher in late { watcher.finish() }
    }

    /// Tells all watchers that the server is there.
    public func sendSignOfLife() {
        for watcher in state.withLock({ Self.send(Self.signOfLife, &$0) }) { watcher.finish() }
    }

    /// The answer to `GET /events`: what happened after the last event that the client has seen, and what comes.
    ///
    /// - Throws: `Problem` with the status 503 when there are too many watchers, or the server stops.
    public func reply(to request: APIRequest) throws(Problem) -> APIReply {
        guard let watch = watch(after: request.lastEvent) else {
            throw Problem(
                status: 503,
                detail:
                    "the server is stopping, or as many clients watch events as it serves: try again later"
            )
        }
        return .events(
            watch,
            limit: request.parameters.integer("limit"),
            timeout: request.parameters.integer("timeout")
        )
    }

    /// Begins to watch; nil when there are too many watchers, or the server stops.
    ///
    /// - Parameter last: the id of the last event that the client has seen; nil to see only what comes.
    private func watch(after last: UInt64?) -> Watch? {
        let (messages, continuation) = AsyncStream.makeStream(
            of: Message.self,
            bufferingPolicy: .bufferingOldest(Self.queueLength)
        )
        return state.withLock { state in
            guard state.watchers.count < limit, !state.isStopped else { return nil }
            state.lastWatcher += 1
            state.watchers[state.lastWatcher] = continuation
            // An id that was not given yet is from before a restart and a clock that was set back: all is new.
            let missed = last.map { last in
                state.recent.filter { $0.id > last || last > state.lastEvent }.map(\.text)
            }
            return Watch(number: state.lastWatcher, missed: missed ?? [], messages: messages)
        }
    }

    /// Ends a watch.
    public func end(_ number: UInt64) {
        state.withLock { $0.watchers.removeValue(forKey: number) }?.finish()
    }

    /// Ends all watches, for good.
    public func stop() {
        let watchers = state.withLock { state in
            defer { state.watchers = [:] }
            state.isStopped = true
            return Array(state.watchers.values)
        }
        for watcher in watchers { watcher.finish() }
    }

    /// The message on the wire; of an event that is too long, with lists that are cut.
    private static func text(_ event: Event) -> ByteBuffer {
        var event = event
        for length in [Int.max, 100, 10, 0] {
            if length < .max { event.data = shortened(event.data, to: length) }
            let text = event.text
            if text.utf8.count <= maximumLength { return ByteBuffer(string: text) }
        }
        event.data = ["shortened": true]
        return ByteBuffer(string: event.text)
    }

    private static func shortened(_ data: JSONValue, to length: Int) -> JSONValue {
        guard var members = data.members else { return data }
        for (name, member) in members {
            if let elements = member.elements { members[name] = .array(Array(elements.prefix(length))) }
        }
        members["shortened"] = true
        return .object(members)
    }

    /// Sends to all; takes those out whose queue is full and returns them.
    private static func send(_ message: Message, _ state: inout State) -> [AsyncStream<Message>.Continuation]
    {
        var late: [AsyncStream<Message>.Continuation] = []
        for (number, watcher) in state.watchers {
            if case .dropped = watcher.yield(message) {
                late.append(watcher)
                state.watchers[number] = nil
            }
        }
        return late
    }
}
