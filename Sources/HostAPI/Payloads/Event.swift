public import JSON

/// Something that happened on the host: one message of `GET /events`.
///
/// The form on the wire is that of server-sent events (WHATWG HTML, section 9.2).
public struct Event: Sendable, Equatable {
    /// The media type of the stream.
    public static let mediaType = "text/event-stream"
    /// What is sent while nothing happens, so that a dead connection is found.
    public static let keepAlive = ": keep-alive\n\n"

    /// The kinds of events.
    public enum Name: String, Sendable, CaseIterable {
        /// A generation was committed: `{"generation", "changed", "author", "trial"}`.
        case commit
        /// Settings were applied: an `ApplyResult`.
        case apply
        /// A trial began, was confirmed or ended: `{"generation", "state", "seconds_left"}`.
        case trial
        /// The updater's status changed: an `UpdateStatus`.
        case update
        /// The host's health changed: a `Health`.
        case health
    }

    /// The number of the event: one more than that of the event before, and higher than all before the server started.
    public var id: UInt64
    /// The kind.
    public var name: Name
    /// What happened, without secrets.
    public var data: JSONValue

    /// An event.
    public init(id: UInt64, name: Name, data: JSONValue) {
        self.id = id
        self.name = name
        self.data = data
    }

    /// The message on the wire, with the empty line that ends it.
    public var text: String { "id: \(id)\nevent: \(name.rawValue)\ndata: \(data)\n\n" }
}

/// Takes a stream of server-sent events apart.
public struct EventParser: Sendable {
    /// The longest line that is read, in bytes.
    public static let maximumLineLength = 1 << 20

    private var line: [UInt8] = []
    private var isSkipping = false
    private var id: UInt64 = 0
    private var name: String?
    private var data: String?

    /// A parser at the beginning of a stream.
    public init() {}

    /// Reads the next bytes of the stream and returns the events that are complete.
    ///
    /// Events of kinds that this version does not know, lines that are too long and data that is no JSON are passed over.
    public mutating func read(_ bytes: some Sequence<UInt8>) -> [Event] {
        var events: [Event] = []
        for byte in bytes {
            if byte != UInt8(ascii: "\n") {
                if line.count < Self.maximumLineLength { line.append(byte) } else { isSkipping = true }
                continue
            }
            if !isSkipping { takeLine(&events) }
            line.removeAll(keepingCapacity: line.capacity < 1 << 16)
            isSkipping = false
        }
        return events
    }

    private mutating func takeLine(_ events: inout [Event]) {
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        if line.isEmpty {
            if let name = name.flatMap(Event.Name.init(rawValue:)), let data,
                let json = try? JSONValue(parsing: data)
            {
                events.append(Event(id: id, name: name, data: json))
            }
            name = nil
            data = nil
            return
        }
        let parts = line.split(
            separator: UInt8(ascii: ":"),
            maxSplits: 1,
            omittingEmptySubsequences: false
        )
        var value = parts.count == 2 ? parts[1] : []
        if value.first == UInt8(ascii: " ") { value.removeFirst() }
        let text = String(decoding: value, as: UTF8.self)
        switch String(decoding: parts[0], as: UTF8.self) {
        case "id": id = UInt64(text) ?? id
        case "event": name = text
        case "data":
            let joined = data.map { "\($0)\n\(text)" } ?? text
            data = joined.utf8.count <= Self.maximumLineLength ? joined : data
        default: break
        }
    }
}
