import HostAPI
import JSON
import NIOCore
import Synchronization

/// Tells clients of `GET /events` what happens.
///
/// Each watcher has a short queue; one that does not keep up is dropped instead of making the server remember for it.
final class EventHub: Sendable {
    /// Events that are kept for clients that come back with `Last-Event-ID`.
    static let kept = 256
    /// Messages that wait for one client, at most.
    static let queueLength = 64

    /// One client's view: what it missed, and what comes.
    struct Watch: Sendable {
        let number: UInt64
        /// Events after the last one that the client has seen.
        let missed: [ByteBuffer]
        /// What comes; ends when the client is dropped or the server stops.
        let messages: AsyncStream<Message>
    }

    /// A message as it is sent.
    struct Message: Sendable {
        let text: ByteBuffer
        /// False for signs of life.
        let isEvent: Bool
    }

    private struct State {
        var lastEvent: UInt64 = 0
        var lastWatcher: UInt64 = 0
        var recent: [(id: UInt64, text: ByteBuffer)] = []
        var watchers: [UInt64: AsyncStream<Message>.Continuation] = [:]
        var isStopped = false
    }

    private let state = Mutex(State())
    private let limit: Int
    private static let signOfLife = Message(text: ByteBuffer(string: Event.keepAlive), isEvent: false)

    init(limit: Int) { self.limit = limit }

    /// The number of clients.
    var count: Int { state.withLock { $0.watchers.count } }

    /// Tells all watchers; `data` must be without secrets.
    func publish(_ name: Event.Name, _ data: JSONValue) {
        let late = state.withLock { state in
            state.lastEvent += 1
            let text = ByteBuffer(string: Event(id: state.lastEvent, name: name, data: data).text)
            state.recent.append((state.lastEvent, text))
            if state.recent.count > Self.kept { state.recent.removeFirst(state.recent.count - Self.kept) }
            return Self.send(Message(text: text, isEvent: true), &state)
        }
        // Finished outside of the lock: a continuation's end calls back.
        for watcher in late { watcher.finish() }
    }

    /// Tells all watchers that the server is there.
    func sendSignOfLife() {
        for watcher in state.withLock({ Self.send(Self.signOfLife, &$0) }) { watcher.finish() }
    }

    /// Begins to watch; nil when there are too many watchers, or the server stops.
    ///
    /// - Parameter last: the id of the last event that the client has seen; nil to see only what comes.
    func watch(after last: UInt64?) -> Watch? {
        let (messages, continuation) = AsyncStream.makeStream(
            of: Message.self,
            bufferingPolicy: .bufferingOldest(Self.queueLength)
        )
        return state.withLock { state in
            guard state.watchers.count < limit, !state.isStopped else { return nil }
            state.lastWatcher += 1
            state.watchers[state.lastWatcher] = continuation
            // An id that was not given yet is from before a restart: all that is known is new to the client.
            let missed = last.map { last in
                state.recent.filter { $0.id > last || last > state.lastEvent }.map(\.text)
            }
            return Watch(number: state.lastWatcher, missed: missed ?? [], messages: messages)
        }
    }

    /// Ends a watch.
    func end(_ number: UInt64) {
        state.withLock { $0.watchers.removeValue(forKey: number) }?.finish()
    }

    /// Ends all watches, for good.
    func stop() {
        let watchers = state.withLock { state in
            defer { state.watchers = [:] }
            state.isStopped = true
            return Array(state.watchers.values)
        }
        for watcher in watchers { watcher.finish() }
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
