internal import JSON

/// Reads the structure of a TOML 1.0 document: headers, keys, arrays and inline tables.
///
/// Our own, because every TOML package at hand links full Foundation (48 MB with ICU) or C++ into on-host programs.
struct TOMLParser {
    var scanner: TOMLScanner
    private let limits: JSONLimits
    private var values = 0

    init(scanner: TOMLScanner, limits: JSONLimits) {
        self.scanner = scanner
        self.limits = limits
    }

    mutating func document() throws(TOMLError) -> JSONValue {
        let root = TOMLTable(depth: 1, origin: .header)
        guard limits.depth > 0 else { throw scanner.fault(.tooDeep(limit: limits.depth)) }
        var table = root
        // Editors on other systems write a byte order mark.
        _ = scanner.take("\u{feff}")
        while true {
            try scanner.skipBlanksAndLines()
            if scanner.isAtEnd { return root.json }
            if scanner.take("[[") {
                table = try arrayElement(in: root)
            } else if scanner.take("[") {
                table = try header(in: root)
            } else {
                try pair(in: table)
            }
            try scanner.endLine()
        }
    }

    // MARK: Headers

    private mutating func header(in root: TOMLTable) throws(TOMLError) -> TOMLTable {
        let start = scanner.position
        let path = try key()
        guard scanner.take("]") else { throw scanner.fault(.expected("']' after the name of the table")) }
        let (parent, name) = try descend(path, in: root, at: start)
        switch parent.members[name] {
        case nil:
            return try add(name, to: parent, origin: .header, at: start)
        case .table(let table) where table.origin == .implied:
            table.origin = .header
            return table
        default:
            throw duplicate(path, at: start)
        }
    }

    private mutating func arrayElement(in root: TOMLTable) throws(TOMLError) -> TOMLTable {
        let start = scanner.position
        let path = try key()
        guard scanner.take("]]") else { throw scanner.fault(.expected("']]' after the name of the array")) }
        let (parent, name) = try descend(path, in: root, at: start)
        var tables: [TOMLTable]
        switch parent.members[name] {
        case nil: tables = []
        case .tables(let others): tables = others
        default: throw duplicate(path, at: start)
        }
        let table = try makeTable(depth: parent.depth + 2, origin: .header, at: start)
        // Frees the entry first, so that the array is not copied for each element.
        parent.members[name] = nil
        tables.append(table)
        parent.members[name] = .tables(tables)
        return table
    }

    /// The table that holds the last name of a header's path; tables on the way come into being.
    private mutating func descend(
        _ path: [String],
        in root: TOMLTable,
        at start: Int
    ) throws(TOMLError) -> (TOMLTable, String) {
        var table = root
        for name in path.dropLast() {
            switch table.members[name] {
            case nil: table = try add(name, to: table, origin: .implied, at: start)
            case .table(let inner): table = inner
            case .tables(let tables):
                guard let last = tables.last else { throw duplicate(path, at: start) }
                table = last
            case .value: throw duplicate(path, at: start)
            }
        }
        // A key has at least one part.
        return (table, path.last ?? "")
    }

    // MARK: Pairs

    /// Reads `key = value` into a table.
    private mutating func pair(in table: TOMLTable) throws(TOMLError) {
        let start = scanner.position
        let path = try key()
        guard scanner.take("=") else { throw scanner.fault(.expected("'=' after the key")) }
        var table = table
        for name in path.dropLast() {
            switch table.members[name] {
            case nil: table = try add(name, to: table, origin: .dotted, at: start)
            case .table(let inner) where inner.origin == .dotted: table = inner
            default: throw duplicate(path, at: start)
            }
        }
        guard let name = path.last, table.members[name] == nil else { throw duplicate(path, at: start) }
        scanner.skipBlanks()
        table.members[name] = .value(try value(depth: table.depth))
    }

    private mutating func add(
        _ name: String,
        to parent: TOMLTable,
        origin: TOMLTable.Origin,
        at start: Int
    ) throws(TOMLError) -> TOMLTable {
        let table = try makeTable(depth: parent.depth + 1, origin: origin, at: start)
        parent.members[name] = .table(table)
        return table
    }

    private mutating func makeTable(
        depth: Int,
        origin: TOMLTable.Origin,
        at start: Int
    ) throws(TOMLError) -> TOMLTable {
        guard depth <= limits.depth else { throw scanner.fault(.tooDeep(limit: limits.depth), at: start) }
        try count()
        return TOMLTable(depth: depth, origin: origin)
    }

    private mutating func count() throws(TOMLError) {
        values += 1
        guard values <= limits.values else { throw scanner.fault(.tooManyValues(limit: limits.values)) }
    }

    private func duplicate(_ path: [String], at start: Int) -> TOMLError {
        // Keys may be long, and hold anything: the message goes to consoles and logs.
        let text = path.map { $0.utf8.allSatisfy(Self.isBare) && !$0.isEmpty ? $0 : JSONValue.quoted($0) }
            .joined(separator: ".")
        return scanner.fault(.duplicateKey(text.count <= 80 ? text : text.prefix(77) + "..."), at: start)
    }

    // MARK: Keys

    /// Reads a key with all its dots, and the blanks around it.
    private mutating func key() throws(TOMLError) -> [String] {
        var path: [String] = []
        repeat {
            guard path.count < limits.depth else { throw scanner.fault(.tooDeep(limit: limits.depth)) }
            scanner.skipBlanks()
            path.append(try keyPart())
            scanner.skipBlanks()
        } while scanner.take(".")
        return path
    }

    private mutating func keyPart() throws(TOMLError) -> String {
        if scanner.sees("\"\"\"") || scanner.sees("'''") {
            throw scanner.fault(.expected("a key on one line, in one pair of quotes"))
        }
        if scanner.sees("\"") || scanner.sees("'") { return try scanner.string() }
        let start = scanner.position
        while let byte = scanner.peek(), Self.isBare(byte) { scanner.position += 1 }
        guard scanner.position > start else {
            throw scanner.fault(.expected("a key of letters, digits, '-' and '_', or one in quotes"))
        }
        return String(decoding: scanner.bytes[start..<scanner.position], as: UTF8.self)
    }

    private static func isBare(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    // MARK: Values

    /// Reads a value; `depth` is that of the table or array around it.
    private mutating func value(depth: Int) throws(TOMLError) -> JSONValue {
        try count()
        switch scanner.peek() {
        case UInt8(ascii: "\""), UInt8(ascii: "'"): return .string(try scanner.string())
        case UInt8(ascii: "["): return try array(depth: depth + 1)
        case UInt8(ascii: "{"): return try inlineTable(depth: depth + 1)
        case UInt8(ascii: "t") where scanner.take("true"): return .bool(true)
        case UInt8(ascii: "f") where scanner.take("false"): return .bool(false)
        default: return try scanner.numberOrTime()
        }
    }

    private mutating func array(depth: Int) throws(TOMLError) -> JSONValue {
        guard depth <= limits.depth else { throw scanner.fault(.tooDeep(limit: limits.depth)) }
        scanner.position += 1
        var elements: [JSONValue] = []
        while true {
            try scanner.skipBlanksAndLines()
            if scanner.take("]") { return .array(elements) }
            elements.append(try value(depth: depth))
            try scanner.skipBlanksAndLines()
            if scanner.take("]") { return .array(elements) }
            guard scanner.take(",") else { throw scanner.fault(.expected("',' or ']'")) }
        }
    }

    private mutating func inlineTable(depth: Int) throws(TOMLError) -> JSONValue {
        guard depth <= limits.depth else { throw scanner.fault(.tooDeep(limit: limits.depth)) }
        scanner.position += 1
        let table = TOMLTable(depth: depth, origin: .header)
        scanner.skipBlanks()
        if scanner.take("}") { return table.json }
        while true {
            try pair(in: table)
            scanner.skipBlanks()
            if scanner.take("}") { return table.json }
            guard scanner.take(",") else {
                throw scanner.fault(.expected("',' or '}' on the same line"))
            }
        }
    }
}

/// A table while the document is read; what may still be added to it depends on how it came into being.
final class TOMLTable {
    /// How a table came into being.
    enum Origin {
        /// By its own header, which may come once.
        case header
        /// On the way of another table's header: its own header may still come.
        case implied
        /// By dotted keys: more of them may come, a header may not.
        case dotted
    }

    /// What is under a name.
    enum Entry {
        case value(JSONValue)
        case table(TOMLTable)
        case tables([TOMLTable])
    }

    var members: [String: Entry] = [:]
    var origin: Origin
    let depth: Int

    init(depth: Int, origin: Origin) {
        self.depth = depth
        self.origin = origin
    }

    /// The table as an object; tables are nested no deeper than the limits allow.
    var json: JSONValue {
        .object(
            members.mapValues { entry in
                switch entry {
                case .value(let value): value
                case .table(let table): table.json
                case .tables(let tables): .array(tables.map(\.json))
                }
            }
        )
    }
}
