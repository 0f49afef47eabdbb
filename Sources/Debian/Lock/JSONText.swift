/// A strict reader of the part of JSON (RFC 8259) that lock files use, which knows the line of every value.
///
/// Numbers are non-negative integers, nesting is limited, and repeated keys are errors. Foundation's decoder
/// cannot say on which line a wrong value is.
enum JSONText {
    /// What is wrong with a text, and where.
    struct Failure: Error, Equatable {
        let line: Int
        let problem: String
    }

    /// One member of an object.
    struct Member {
        let key: String
        let value: Value
        let line: Int
    }

    /// A value and the line it begins on.
    struct Value {
        indirect enum Content {
            case object([Member])
            case array([Value])
            case string(String)
            case integer(Int)
            case other(String)
        }

        let content: Content
        let line: Int

        func object(_ what: String) throws(Failure) -> [Member] {
            guard case .object(let members) = content else { throw unexpected(what, "an object") }
            return members
        }

        func array(_ what: String) throws(Failure) -> [Value] {
            guard case .array(let elements) = content else { throw unexpected(what, "an array") }
            return elements
        }

        func string(_ what: String) throws(Failure) -> String {
            guard case .string(let text) = content else { throw unexpected(what, "a string") }
            return text
        }

        func integer(_ what: String) throws(Failure) -> Int {
            guard case .integer(let number) = content else { throw unexpected(what, "an integer") }
            return number
        }

        private func unexpected(_ what: String, _ kind: String) -> Failure {
            Failure(line: line, problem: "\(what) must be \(kind)")
        }
    }

    /// The members of an object, taken one by one; what is left at the end is unknown.
    struct Fields {
        private var members: [String: Member]
        private let what: String
        private let line: Int

        init(_ value: Value, _ what: String) throws(Failure) {
            self.what = what
            line = value.line
            members = Dictionary(try value.object(what).map { ($0.key, $0) }) { first, _ in first }
        }

        mutating func take(_ key: String) throws(Failure) -> Value {
            guard let member = members.removeValue(forKey: key) else {
                throw Failure(line: line, problem: "\(what) has no '\(key)'")
            }
            return member.value
        }

        func finish() throws(Failure) {
            guard let unknown = members.values.min(by: { ($0.line, $0.key) < ($1.line, $1.key) }) else {
                return
            }
            throw Failure(
                line: unknown.line,
                problem: "\(what) has an unknown key '\(unknown.key.prefix(80))'"
            )
        }
    }

    /// Reads one value that makes up the whole text.
    static func parse(_ bytes: [UInt8]) throws(Failure) -> Value {
        var parser = Parser(bytes: bytes)
        let value = try parser.value(depth: 0)
        parser.skipBlanks()
        guard parser.peek == nil else { throw parser.failure("something follows the end of the lock") }
        return value
    }
}

private struct Parser {
    let bytes: [UInt8]
    var position = 0
    var line = 1
    static let maximumDepth = 8

    init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

    func failure(_ problem: String) -> JSONText.Failure { JSONText.Failure(line: line, problem: problem) }

    mutating func skipBlanks() {
        while let byte = peek {
            if byte == UInt8(ascii: "\n") { line += 1 }
            guard byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 else { return }
            position += 1
        }
    }

    /// Skips blanks and takes one byte if it is the expected one.
    mutating func take(_ byte: UInt8) -> Bool {
        skipBlanks()
        guard peek == byte else { return false }
        position += 1
        return true
    }

    mutating func expect(_ byte: UInt8) throws(JSONText.Failure) {
        guard take(byte) else {
            let found = peek == nil ? "the end of the file" : "something else"
            throw failure("'\(Character(UnicodeScalar(byte)))' is expected, but \(found) was found")
        }
    }

    mutating func value(depth: Int) throws(JSONText.Failure) -> JSONText.Value {
        guard depth <= Self.maximumDepth else { throw failure("values are nested too deeply") }
        skipBlanks()
        let start = line
        let content: JSONText.Value.Content
        switch peek {
        case nil: throw failure("the file ends where a value is expected")
        case UInt8(ascii: "{"): content = .object(try members(depth: depth))
        case UInt8(ascii: "["): content = .array(try elements(depth: depth))
        case UInt8(ascii: "\""): content = .string(try string())
        default: content = try plain()
        }
        return JSONText.Value(content: content, line: start)
    }

    private mutating func members(depth: Int) throws(JSONText.Failure) -> [JSONText.Member] {
        try expect(UInt8(ascii: "{"))
        var members: [JSONText.Member] = []
        var keys: Set<String> = []
        if take(UInt8(ascii: "}")) { return members }
        repeat {
            skipBlanks()
            let start = line
            guard peek == UInt8(ascii: "\"") else { throw failure("a key in double quotes is expected") }
            let key = try string()
            guard keys.insert(key).inserted else { throw failure("the key '\(key.prefix(80))' occurs twice") }
            try expect(UInt8(ascii: ":"))
            members.append(JSONText.Member(key: key, value: try value(depth: depth + 1), line: start))
        } while take(UInt8(ascii: ","))
        try expect(UInt8(ascii: "}"))
        return members
    }

    private mutating func elements(depth: Int) throws(JSONText.Failure) -> [JSONText.Value] {
        try expect(UInt8(ascii: "["))
        var elements: [JSONText.Value] = []
        if take(UInt8(ascii: "]")) { return elements }
        repeat {
            elements.append(try value(depth: depth + 1))
        } while take(UInt8(ascii: ","))
        try expect(UInt8(ascii: "]"))
        return elements
    }

    /// Numbers, and the literals, which no lock has.
    private mutating func plain() throws(JSONText.Failure) -> JSONText.Value.Content {
        let start = position
        while let byte = peek, !" \n\r\t,]}:{[\"".utf8.contains(byte) { position += 1 }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if ["true", "false", "null"].contains(text) { return .other(text) }
        let isCanonical = text == "0" || !text.hasPrefix("0")
        guard !text.isEmpty, isCanonical, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let number = Int(text)
        else {
            throw failure("'\(text.prefix(40))' is not a value; a non-negative integer is expected")
        }
        return .integer(number)
    }

    private mutating func string() throws(JSONText.Failure) -> String {
        position += 1
        var text: [UInt8] = []
        while let byte = peek {
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let string = String(validating: text, as: UTF8.self) else {
                    throw failure("a string is not valid UTF-8")
                }
                return string
            case UInt8(ascii: "\\"):
                text += try escape()
            case 0..<0x20:
                throw failure("a string has a control character or does not end on its line")
            default:
                text.append(byte)
            }
        }
        throw failure("the file ends within a string")
    }

    private mutating func escape() throws(JSONText.Failure) -> [UInt8] {
        guard let byte = peek else { throw failure("the file ends within a string") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
        case UInt8(ascii: "n"): return [0x0a]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "r"): return [0x0d]
        case UInt8(ascii: "u"):
            // Characters beyond the basic plane are written plainly in a lock, so no surrogates are read.
            let digits = bytes[position..<min(position + 4, bytes.count)]
            guard digits.count == 4, digits.allSatisfy(Self.isHexDigit),
                let number = UInt32(String(decoding: digits, as: UTF8.self), radix: 16),
                let scalar = UnicodeScalar(number)
            else { throw failure("a \\u escape is wrong") }
            position += 4
            return Array(String(scalar).utf8)
        default:
            throw failure("a string has an unknown escape")
        }
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte | 0x20)
    }
}
