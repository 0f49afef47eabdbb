/// A JSON document (RFC 8259), as far as ELF notes use it: numbers are read but not kept.
///
/// Foundation's decoder is not used here because these few lines save its 6.7 MB where nothing else needs it.
enum JSONValue: Equatable {
    case object([String: JSONValue])
    case array([JSONValue])
    case string(String)
    case number
    case bool(Bool)
    case null

    /// Reads a whole document; nil if it is not valid or nested deeper than 16 levels.
    init?(parsing text: some Sequence<UInt8>) {
        var reader = Reader(bytes: Array(text))
        guard let value = reader.value(depth: 0) else { return nil }
        reader.skipSpace()
        guard reader.isAtEnd else { return nil }
        self = value
    }

    private struct Reader {
        static let maximumDepth = 16
        let bytes: [UInt8]
        var position = 0

        var isAtEnd: Bool { position >= bytes.count }

        init(bytes: [UInt8]) { self.bytes = bytes }

        private func peek() -> UInt8? { position < bytes.count ? bytes[position] : nil }

        mutating func skipSpace() {
            while let byte = peek(), [0x20, 0x09, 0x0a, 0x0d].contains(byte) { position += 1 }
        }

        /// Skips space and takes a character if it is the next one.
        private mutating func take(_ character: Unicode.Scalar) -> Bool {
            skipSpace()
            guard peek() == UInt8(ascii: character) else { return false }
            position += 1
            return true
        }

        mutating func value(depth: Int) -> JSONValue? {
            guard depth < Self.maximumDepth else { return nil }
            skipSpace()
            guard let next = peek() else { return nil }
            switch next {
            case UInt8(ascii: "{"): return object(depth: depth)
            case UInt8(ascii: "["): return array(depth: depth)
            case UInt8(ascii: "\""): return string().map(JSONValue.string)
            case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return number()
            default: return word()
            }
        }

        private mutating func object(depth: Int) -> JSONValue? {
            guard take("{") else { return nil }
            var members: [String: JSONValue] = [:]
            if take("}") { return .object(members) }
            repeat {
                skipSpace()
                guard let key = string(), take(":"), let value = value(depth: depth + 1) else { return nil }
                members[key] = value
            } while take(",")
            return take("}") ? .object(members) : nil
        }

        private mutating func array(depth: Int) -> JSONValue? {
            guard take("[") else { return nil }
            var elements: [JSONValue] = []
            if take("]") { return .array(elements) }
            repeat {
                guard let value = value(depth: depth + 1) else { return nil }
                elements.append(value)
            } while take(",")
            return take("]") ? .array(elements) : nil
        }

        private mutating func word() -> JSONValue? {
            for (word, value) in [("true", JSONValue.bool(true)), ("false", .bool(false)), ("null", .null)]
            where bytes[position...].starts(with: word.utf8) {
                position += word.utf8.count
                return value
            }
            return nil
        }

        private mutating func number() -> JSONValue? {
            let start = position
            while let byte = peek(), "+-.eE0123456789".utf8.contains(byte) { position += 1 }
            return Double(String(decoding: bytes[start..<position], as: UTF8.self)) == nil ? nil : .number
        }

        private mutating func string() -> String? {
            guard peek() == UInt8(ascii: "\"") else { return nil }
            position += 1
            var units: [UInt16] = []
            var text = ""
            var plain: [UInt8] = []
            while let byte = peek() {
                position += 1
                switch byte {
                case UInt8(ascii: "\""):
                    return text + String(decoding: plain, as: UTF8.self)
                        + String(decoding: units, as: UTF16.self)
                case UInt8(ascii: "\\"):
                    text += String(decoding: plain, as: UTF8.self)
                    plain = []
                    guard let unit = escape() else { return nil }
                    units.append(unit)
                case 0..<0x20:
                    return nil
                default:
                    text += String(decoding: units, as: UTF16.self)
                    units = []
                    plain.append(byte)
                }
            }
            return nil
        }

        private mutating func escape() -> UInt16? {
            guard let byte = peek() else { return nil }
            position += 1
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return UInt16(byte)
            case UInt8(ascii: "b"): return 8
            case UInt8(ascii: "f"): return 12
            case UInt8(ascii: "n"): return 10
            case UInt8(ascii: "r"): return 13
            case UInt8(ascii: "t"): return 9
            case UInt8(ascii: "u"):
                guard position + 4 <= bytes.count else { return nil }
                let digits = bytes[position..<position + 4]
                position += 4
                guard digits.allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") }) else {
                    return nil
                }
                return UInt16(String(decoding: digits, as: UTF8.self), radix: 16)
            default: return nil
            }
        }
    }
}
