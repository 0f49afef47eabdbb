public import JSON

/// What both ends of `GET /exec` agree on: a WebSocket (RFC 6455) that carries one command's input and output.
///
/// Text messages control the session (`ExecClientMessage`, `ExecServerMessage`), binary ones are input and output. Clients
/// that ask for the subprotocol get standard output and standard error apart: each of their binary messages, both ways,
/// begins with a byte that names the stream. Without it, messages are those of Bottlerocket's clients: output is one
/// stream.
public enum ExecProtocol {
    /// The value of `Sec-WebSocket-Protocol` of clients that tell streams apart.
    public static let subprotocol = "bulkhead.exec.v1"
    /// The longest message, in bytes.
    public static let maximumMessage = 64 << 10
    /// How many messages of input a client may have sent that were not written to the process yet.
    public static let maximumOutstanding: UInt64 = 1024
    /// After how many messages written a client is told.
    public static let capacityInterval: UInt64 = 128
    /// How often each side lets the other hear from it, in seconds.
    public static let heartbeat: Int64 = 2
    /// For how long the other side may be silent, in seconds.
    public static let silence: Int64 = 10

    /// The streams of a command, as the first byte of binary messages.
    public enum Stream: UInt8, Sendable {
        case input = 0
        case output = 1
        case errors = 2
    }

    /// Why a session ends, as the status of the closing message (RFC 6455, section 7.4.1).
    public enum Close {
        /// The command ended; the reason is its exit status in decimal, 128 and the signal for one that was killed.
        public static let exited: UInt16 = 1000
        /// The server stops.
        public static let stopping: UInt16 = 1001
        /// The client broke the rules of WebSockets.
        public static let protocolFault: UInt16 = 1002
        /// A message is not the JSON that it should be.
        public static let invalidMessage: UInt16 = 1007
        /// A message came when it may not.
        public static let outOfOrder: UInt16 = 1008
        /// A message is too long, or too many are outstanding.
        public static let tooMuch: UInt16 = 1009
        /// The command could not be started, or was lost.
        public static let failed: UInt16 = 1011
    }
}

/// The size of a terminal, in characters.
public struct ExecTerminalSize: Sendable, Equatable {
    /// Lines.
    public var rows: UInt16
    /// Characters a line.
    public var columns: UInt16

    /// A size.
    public init(rows: UInt16, columns: UInt16) {
        self.rows = rows
        self.columns = columns
    }

    init(_ object: PayloadReader) throws(PayloadError) {
        rows = try object.integer("rows", 0...UInt16.max)
        columns = try object.integer("cols", 0...UInt16.max)
    }

    var json: JSONValue { ["rows": .integer(Int64(rows)), "cols": .integer(Int64(columns))] }
}

/// The terminal that a command shall have.
public struct ExecTerminal: Sendable, Equatable {
    /// Its size; nil if the client does not know one.
    public var size: ExecTerminalSize?
    /// The client's own kind of terminal, for the variable TERM; nil for the server's choice.
    public var term: String?

    /// A terminal.
    public init(size: ExecTerminalSize? = nil, term: String? = nil) {
        self.size = size
        self.term = term
    }

    init(_ object: PayloadReader) throws(PayloadError) {
        size = try object.optionalObject("size").map { size throws(PayloadError) in
            try ExecTerminalSize(size)
        }
        term = try object.optionalText("term")
        if let term {
            let isName = term.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: "+-._".utf8.contains(byte)
                }
            }
            guard isName, (1...64).contains(term.utf8.count) else {
                throw object.wrong("term", "the name of a kind of terminal, such as xterm-256color")
            }
        }
    }

    var json: JSONValue {
        var members: [String: JSONValue] = ["size": size?.json ?? .null]
        if let term { members["term"] = .string(term) }
        return .object(members)
    }
}

/// What a client of `GET /exec` says in text messages.
public enum ExecClientMessage: Sendable, Equatable {
    /// The first message: what to run, and where.
    case initialize(Initialize)
    /// No more input comes.
    case contentComplete
    /// The client's terminal has another size now.
    case resize(ExecTerminalSize)

    /// What to run, and where.
    public struct Initialize: Sendable, Equatable {
        /// The program and its arguments.
        public var command: [String]
        /// The container's name.
        public var target: String
        /// The terminal that the command shall have; nil for none.
        public var terminal: ExecTerminal?

        /// What to run, and where.
        public init(command: [String], target: String, terminal: ExecTerminal? = nil) {
            self.command = command
            self.target = target
            self.terminal = terminal
        }
    }

    /// Reads a message: of Bottlerocket's form, whose command may be strings or, as its own clients send it, lists of bytes.
    ///
    /// - Throws: `PayloadError` with the place and what is wrong there.
    public init(json: JSONValue) throws(PayloadError) {
        if json.string == "ContentComplete" {
            self = .contentComplete
            return
        }
        let object = try PayloadReader(json)
        guard object.members.count == 1, let name = object.members.keys.first else {
            throw PayloadError(place: "", reason: "must have exactly one member: Initialize or Winch")
        }
        switch name {
        case "Initialize": self = .initialize(try Initialize(try object.object(name)))
        case "Winch": self = .resize(try ExecTerminalSize(try object.object(name)))
        default: throw PayloadError(place: "", reason: "must be Initialize, ContentComplete or Winch")
        }
    }

    /// The message as JSON.
    public var json: JSONValue {
        switch self {
        case .initialize(let request):
            [
                "Initialize": [
                    "command": .strings(request.command), "target": .string(request.target),
                    "tty": request.terminal?.json ?? .null,
                ]
            ]
        case .contentComplete: "ContentComplete"
        case .resize(let size): ["Winch": size.json]
        }
    }
}

extension ExecClientMessage.Initialize {
    /// Parts of a command, at most.
    static let maximumParts = 4096

    init(_ object: PayloadReader) throws(PayloadError) {
        guard let parts = try object.value("command").elements, (1...Self.maximumParts).contains(parts.count)
        else {
            throw object.wrong("command", "a list of 1 to \(Self.maximumParts) strings")
        }
        var command: [String] = []
        for (index, part) in parts.enumerated() {
            guard let text = Self.text(part), !text.utf8.contains(0) else {
                throw PayloadError(
                    place: "\(object.place).command[\(index)]",
                    reason: "must be a text in UTF-8 without NUL, or its bytes as {\"Unix\": [108, 115]}"
                )
            }
            command.append(text)
        }
        self.command = command
        target = try object.text("target")
        guard (1...255).contains(target.utf8.count) else {
            throw object.wrong("target", "the name of a container")
        }
        terminal = try object.optionalObject("tty").map { terminal throws(PayloadError) in
            try ExecTerminal(terminal)
        }
    }

    /// A string, or what Rust's serde makes of an `OsString`.
    private static func text(_ part: JSONValue) -> String? {
        if let text = part.string { return text }
        guard let members = part.members, members.count == 1, let numbers = members["Unix"]?.elements else {
            return nil
        }
        var bytes: [UInt8] = []
        for number in numbers {
            guard let byte = number.integer.flatMap({ UInt8(exactly: $0) }) else { return nil }
            bytes.append(byte)
        }
        return String(validating: bytes, as: UTF8.self)
    }
}

/// What the server of `GET /exec` says in text messages.
public enum ExecServerMessage: Sendable, Equatable {
    /// How much input may be sent: first of all, and after every 128 messages written.
    case capacity(outstanding: UInt64, written: UInt64)
    /// Why the command was not started; only for clients with the subprotocol.
    case error(Problem)

    /// Reads a message.
    ///
    /// - Throws: `PayloadError` with the place and what is wrong there.
    public init(json: JSONValue) throws(PayloadError) {
        let object = try PayloadReader(json)
        if object.members["Error"] != nil {
            self = .error(try Problem(json: try object.value("Error")))
            return
        }
        let capacity = try object.object("Capacity")
        self = .capacity(
            outstanding: try capacity.integer("max_messages_outstanding", 1...UInt64(Int64.max)),
            written: try capacity.integer("messages_written", 0...UInt64(Int64.max))
        )
    }

    /// The message as JSON.
    public var json: JSONValue {
        switch self {
        case .capacity(let outstanding, let written):
            [
                "Capacity": [
                    "max_messages_outstanding": .integer(Int64(clamping: outstanding)),
                    "messages_written": .integer(Int64(clamping: written)),
                ]
            ]
        case .error(let problem): ["Error": problem.json]
        }
    }
}
