public import JSON

/// One server-sent event.
public struct ServerSentEvent: Sendable, Equatable {
    /// The last id that the server sent, to go on from there; empty if it sent none.
    public var id: String
    /// What kind of event it is; `message` if the server did not say.
    public var name: String
    /// The content: lines joined by a line feed.
    public var data: String

    /// An event.
    public init(id: String = "", name: String = "message", data: String) {
        self.id = id
        self.name = name
        self.data = data
    }

    /// The content as JSON; nil if it is none.
    public var json: JSONValue? { try? JSONValue(parsing: data) }
}

/// Reads the stream format of server-sent events (WHATWG HTML, 9.2.6), from pieces of any size.
public struct ServerSentEventParser: Sendable {
    /// The longest line, and the longest content of an event, in bytes.
    public static let maximumLength = 4 << 20

    /// Something in the stream is longer than the limit.
    public struct TooLong: Error, Equatable {}

    private var line: [UInt8] = []
    private var isFirstLine = true
    private var lastByteWasReturn = false
    private var id = ""
    private var name = ""
    private var data: [UInt8] = []

    /// A parser at the beginning of a stream.
    public init() {}

    /// Reads the next piece and returns the events that it completes.
    ///
    /// - Throws: `TooLong`; nothing that comes later can be understood then.
    public mutating func read(_ bytes: some Sequence<UInt8>) throws(TooLong) -> [ServerSentEvent] {
        var events: [ServerSentEvent] = []
        for byte in bytes {
            let followsReturn = lastByteWasReturn
            lastByteWasReturn = byte == 0x0d
            switch byte {
            case 0x0a where followsReturn: continue
            case 0x0a, 0x0d:
                if let event = try endOfLine() { events.append(event) }
            default:
                guard line.count < Self.maximumLength else { throw TooLong() }
                line.append(byte)
            }
        }
        return events
    }

    private mutating func endOfLine() throws(TooLong) -> ServerSentEvent? {
        defer { line.removeAll(keepingCapacity: true) }
        if isFirstLine {
            isFirstLine = false
            if line.starts(with: [0xef, 0xbb, 0xbf]) { line.removeFirst(3) }
        }
        if line.isEmpty { return endOfEvent() }
        let colon = line.firstIndex(of: UInt8(ascii: ":")) ?? line.endIndex
        var value = line[colon...].dropFirst()
        if value.first == 0x20 { value.removeFirst() }
        // A line that begins with a colon is a comment: the name is empty, and no field has this name.
        switch String(decoding: line[..<colon], as: UTF8.self) {
        case "event": name = String(decoding: value, as: UTF8.self)
        case "data":
            guard data.count + value.count < Self.maximumLength else { throw TooLong() }
            data += value
            data.append(0x0a)
        case "id" where !value.contains(0): id = String(decoding: value, as: UTF8.self)
        default: break
        }
        return nil
    }

    private mutating func endOfEvent() -> ServerSentEvent? {
        defer {
            name = ""
            data = []
        }
        if data.isEmpty { return nil }
        return ServerSentEvent(
            id: id,
            name: name.isEmpty ? "message" : name,
            data: String(decoding: data.dropLast(), as: UTF8.self)
        )
    }
}
