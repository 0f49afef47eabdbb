extension JSONValue {
    /// Reads one JSON document, strictly: RFC 8259 without extensions, and without duplicate names.
    ///
    /// - Throws: `JSONError` with the place of the first fault.
    public init(parsing bytes: some Sequence<UInt8>, limits: JSONLimits = JSONLimits()) throws(JSONError) {
        var parser = JSONParser(bytes: Array(bytes), limits: limits)
        self = try parser.document()
    }

    /// Reads one JSON document from text.
    ///
    /// - Throws: `JSONError` with the place of the first fault.
    public init(parsing text: String, limits: JSONLimits = JSONLimits()) throws(JSONError) {
        try self.init(parsing: text.utf8, limits: limits)
    }
}

/// A recursive descent over RFC 8259's grammar; the depth is bounded by the limits.
struct JSONParser {
    private let bytes: [UInt8]
    private let limits: JSONLimits
    private var position = 0
    private var values = 0

    init(bytes: [UInt8], limits: JSONLimits) {
        self.bytes = bytes
        self.limits = limits
    }

    mutating func document() throws(JSONError) -> JSONValue {
        guard bytes.count <= limits.bytes else { throw fault(.tooLong(limit: limits.bytes)) }
        let value = try value(depth: 0)
        skipSpace()
        guard position == bytes.count else { throw fault(.expected("the end of the document")) }
        return value
    }

    private mutating func value(depth: Int) throws(JSONError) -> JSONValue {
        skipSpace()
        values += 1
        guard values <= limits.values else { throw fault(.tooManyValues(limit: limits.values)) }
        switch peek() {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "-"), .some(UInt8(ascii: "0")...UInt8(ascii: "9")): return try number()
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: throw fault(.expected("a value"))
        }
    }

    private mutating func object(depth: Int) throws(JSONError) -> JSONValue {
        guard depth < limits.depth else { throw fault(.tooDeep(limit: limits.depth)) }
        position += 1
        var members: [String: JSONValue] = [:]
        skipSpace()
        if take("}") { return .object(members) }
        while true {
            skipSpace()
            guard peek() == UInt8(ascii: "\"") else { throw fault(.expected("a name in quotes")) }
            let start = position
            let name = try string()
            guard members[name] == nil else { throw fault(.duplicateName(name), at: start) }
            skipSpace()
            guard take(":") else { throw fault(.expected("':'")) }
            members[name] = try value(depth: depth + 1)
            skipSpace()
            if take("}") { return .object(members) }
            guard take(",") else { throw fault(.expected("',' or '}'")) }
        }
    }

    private mutating func array(depth: Int) throws(JSONError) -> JSONValue {
        guard depth < limits.depth else { throw fault(.tooDeep(limit: limits.depth)) }
        position += 1
        var elements: [JSONValue] = []
        skipSpace()
        if take("]") { return .array(elements) }
        while true {
            elements.append(try value(depth: depth + 1))
            skipSpace()
            if take("]") { return .array(elements) }
            guard take(",") else { throw fault(.expected("',' or ']'")) }
        }
    }

    private mutating func string() throws(JSONError) -> String {
        let start = position
        position += 1
        var text: [UInt8] = []
        while let byte = peek() {
            switch byte {
            case UInt8(ascii: "\""):
                position += 1
                guard let string = String(validating: text, as: UTF8.self) else {
                    throw fault(.invalidUTF8, at: start)
                }
                return string
            case UInt8(ascii: "\\"):
                position += 1
                try escape(into: &text)
            case 0..<0x20:
                throw fault(.expected("an escape such as \\n: control characters may not stand in strings"))
            default:
                text.append(byte)
                position += 1
            }
        }
        throw fault(.expected("'\"' at the end of the string"))
    }

    private mutating func escape(into text: inout [UInt8]) throws(JSONError) {
        guard let byte = peek() else { throw fault(.expected("an escape")) }
        let character: UInt8? =
            switch Unicode.Scalar(byte) {
            case "\"", "\\", "/": byte
            case "b": 0x08
            case "f": 0x0c
            case "n": 0x0a
            case "r": 0x0d
            case "t": 0x09
            default: nil
            }
        if let character {
            text.append(character)
            position += 1
            return
        }
        guard byte == UInt8(ascii: "u") else { throw fault(.expected("an escape such as \\n or \\u0041")) }
        let start = position
        var code = try hexadecimal()
        if (0xd800..<0xdc00).contains(code) {
            guard take("\\"), peek() == UInt8(ascii: "u") else {
                throw fault(.expected("the second half of a surrogate pair"), at: start)
            }
            let low = try hexadecimal()
            guard (0xdc00..<0xe000).contains(low) else {
                throw fault(.expected("the second half of a surrogate pair"), at: start)
            }
            code = 0x10000 + (code - 0xd800) << 10 + (low - 0xdc00)
        }
        guard let scalar = Unicode.Scalar(code) else {
            throw fault(.expected("the first half of a surrogate pair"), at: start)
        }
        text.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
    }

    /// The number behind `u`; the position is on the `u`.
    private mutating func hexadecimal() throws(JSONError) -> UInt32 {
        position += 1
        guard position + 4 <= bytes.count else { throw fault(.expected("four hexadecimal digits")) }
        var code: UInt32 = 0
        for byte in bytes[position..<position + 4] {
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw fault(.expected("four hexadecimal digits"))
            }
            code = code << 4 + UInt32(digit)
        }
        position += 4
        return code
    }

    private mutating func number() throws(JSONError) -> JSONValue {
        let start = position
        var isWhole = true
        _ = take("-")
        if !take("0") {
            guard skipDigits() else { throw fault(.expected("a digit")) }
        }
        if take(".") {
            isWhole = false
            guard skipDigits() else { throw fault(.expected("a digit after the point")) }
        }
        if take("e") || take("E") {
            isWhole = false
            if !take("+") { _ = take("-") }
            guard skipDigits() else { throw fault(.expected("a digit of the exponent")) }
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isWhole, let integer = Int64(text) { return .integer(integer) }
        guard !isWhole, let number = Double(text), number.isFinite else {
            throw fault(.numberOutOfRange(String(text.prefix(40))), at: start)
        }
        return .number(number)
    }

    private mutating func word(_ word: String, _ value: JSONValue) throws(JSONError) -> JSONValue {
        guard bytes[position...].starts(with: word.utf8) else { throw fault(.expected("a value")) }
        position += word.utf8.count
        return value
    }

    private mutating func skipDigits() -> Bool {
        let start = position
        while let byte = peek(), (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
        return position > start
    }

    private mutating func skipSpace() {
        while let byte = peek(), byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 {
            position += 1
        }
    }

    private func peek() -> UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard peek() == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private func fault(_ reason: JSONError.Reason, at place: Int? = nil) -> JSONError {
        let before = bytes.prefix(place ?? position)
        let lineStart = before.lastIndex(of: 0x0a).map { $0 + 1 } ?? 0
        let line = before.reduce(1) { $1 == 0x0a ? $0 + 1 : $0 }
        return JSONError(reason: reason, line: line, column: before.count - lineStart + 1)
    }
}
