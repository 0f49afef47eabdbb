/// A step from a table or an array to a value in it.
enum TOMLStep: Hashable, Sendable {
    case key(String)
    case index(Int)
}

/// Finds the line on which each value of a TOML document stands.
///
/// TOMLKit gives positions only for parse errors, so this scans the text once more for what it needs to know:
/// table headers, dotted and quoted keys, arrays, inline tables. It expects a document that TOMLKit accepts; any
/// other text ends the scan early or yields useless lines, but never fails. Spec: TOML 1.0.
struct TOMLLocator {
    /// Deepest nesting of keys and values that is followed; a manifest needs 4.
    static let depthLimit = 32

    private var lines: [[TOMLStep]: Int] = [:]
    /// Whether keys or values nest deeper than `depthLimit`, so that the document is better not parsed at all.
    private(set) var isTooDeep = false
    private var bytes: [UInt8]
    private var position = 0
    private var line = 1
    private var tableCounts: [[TOMLStep]: Int] = [:]

    /// Scans a document.
    init(_ text: String) {
        bytes = Array(text.utf8)
        scanDocument()
        bytes = []
    }

    /// The line of a value's key (or of the element of an array); of the nearest value around it if it is not
    /// there; 1 for the document.
    func line(of path: [TOMLStep]) -> Int {
        var path = path
        while !path.isEmpty {
            if let line = lines[path] { return line }
            path.removeLast()
        }
        return 1
    }

    // MARK: Document

    private mutating func scanDocument() {
        var table: [TOMLStep] = []
        while !isTooDeep {
            skipBlank(newlines: true)
            guard let byte = peek() else { return }
            if byte == UInt8(ascii: "[") {
                table = scanHeader()
            } else {
                scanPair(in: table, depth: 1)
            }
        }
    }

    private mutating func scanHeader() -> [TOMLStep] {
        let start = line
        advance()
        let isArray = peek() == UInt8(ascii: "[")
        if isArray { advance() }
        var table: [TOMLStep] = []
        let keys = scanKey()
        for (number, key) in keys.enumerated() {
            table.append(.key(key))
            if lines[table] == nil || (number == keys.count - 1 && !isArray) { lines[table] = start }
            if isArray, number == keys.count - 1 {
                tableCounts[table, default: 0] += 1
            }
            // A header speaks of the last element of each array of tables it passes.
            if let count = tableCounts[table] {
                table.append(.index(count - 1))
                if lines[table] == nil { lines[table] = start }
            }
        }
        while let byte = peek(), byte != UInt8(ascii: "\n") { advance() }
        return table
    }

    /// Scans `key = value`; always moves on by at least a byte.
    private mutating func scanPair(in table: [TOMLStep], depth: Int) {
        let begin = position
        let start = line
        var path = table
        for key in scanKey() {
            path.append(.key(key))
            if lines[path] == nil { lines[path] = start }
        }
        skipBlank(newlines: false)
        if peek() == UInt8(ascii: "=") {
            advance()
            skipBlank(newlines: false)
            scanValue(at: path, depth: depth)
        }
        if position == begin { advance() }
    }

    // MARK: Keys

    private mutating func scanKey() -> [String] {
        var keys: [String] = []
        while true {
            skipBlank(newlines: false)
            guard let byte = peek() else { return keys }
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
                keys.append(scanString())
            } else {
                let start = position
                while let byte = peek(), isBareKey(byte) { advance() }
                if position == start { return keys }
                keys.append(String(decoding: bytes[start..<position], as: UTF8.self))
            }
            if keys.count > Self.depthLimit {
                isTooDeep = true
                return []
            }
            skipBlank(newlines: false)
            guard peek() == UInt8(ascii: ".") else { return keys }
            advance()
        }
    }

    private func isBareKey(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            return true
        default:
            return false
        }
    }

    // MARK: Values

    private mutating func scanValue(at path: [TOMLStep], depth: Int) {
        guard depth <= Self.depthLimit else {
            isTooDeep = true
            return
        }
        switch peek() {
        case UInt8(ascii: "\""), UInt8(ascii: "'"):
            _ = scanString()
        case UInt8(ascii: "["):
            scanArray(at: path, depth: depth)
        case UInt8(ascii: "{"):
            scanInlineTable(at: path, depth: depth)
        default:
            // Numbers, booleans and dates end where the next token begins.
            while let byte = peek(), !",]}#\n".utf8.contains(byte) { advance() }
        }
    }

    private mutating func scanArray(at path: [TOMLStep], depth: Int) {
        advance()
        var count = 0
        while !isTooDeep {
            skipBlank(newlines: true)
            guard let byte = peek() else { return }
            if byte == UInt8(ascii: "]") {
                advance()
                return
            }
            if byte == UInt8(ascii: ",") {
                advance()
                continue
            }
            let element = path + [.index(count)]
            count += 1
            lines[element] = line
            let start = position
            scanValue(at: element, depth: depth + 1)
            if position == start { advance() }
        }
    }

    private mutating func scanInlineTable(at path: [TOMLStep], depth: Int) {
        advance()
        while !isTooDeep {
            skipBlank(newlines: true)
            guard let byte = peek() else { return }
            if byte == UInt8(ascii: "}") {
                advance()
                return
            }
            if byte == UInt8(ascii: ",") {
                advance()
                continue
            }
            scanPair(in: path, depth: depth + 1)
        }
    }

    // MARK: Strings and bytes

    /// Moves over a string of any of the four kinds and returns its text; escapes are resolved only as far as
    /// keys need it (`\"` and `\\`).
    private mutating func scanString() -> String {
        guard let quote = peek() else { return "" }
        let isBasic = quote == UInt8(ascii: "\"")
        let isLong = bytes[position...].prefix(3).elementsEqual([quote, quote, quote])
        for _ in 0..<(isLong ? 3 : 1) { advance() }
        var text: [UInt8] = []
        while let byte = peek() {
            if isBasic, byte == UInt8(ascii: "\\") {
                advance()
                if let escaped = peek() {
                    text.append(escaped)
                    advance()
                }
                continue
            }
            if byte == quote {
                let run = bytes[position...].prefix(5).prefix { $0 == quote }.count
                if !isLong || run >= 3 {
                    // Up to two quotes may stand right before the closing three.
                    for _ in 0..<(isLong ? run : 1) { advance() }
                    break
                }
            } else if byte == UInt8(ascii: "\n"), !isLong {
                break
            }
            text.append(byte)
            advance()
        }
        return String(decoding: text, as: UTF8.self)
    }

    private func peek() -> UInt8? {
        position < bytes.count ? bytes[position] : nil
    }

    private mutating func advance() {
        guard position < bytes.count else { return }
        if bytes[position] == UInt8(ascii: "\n") { line += 1 }
        position += 1
    }

    private mutating func skipBlank(newlines: Bool) {
        while let byte = peek() {
            switch byte {
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"):
                advance()
            case UInt8(ascii: "\n") where newlines:
                advance()
            case UInt8(ascii: "#") where newlines:
                while let byte = peek(), byte != UInt8(ascii: "\n") { advance() }
            default:
                return
            }
        }
    }
}
