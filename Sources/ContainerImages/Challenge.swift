/// What a server asks for that wants to know who is asking: one challenge of the field `WWW-Authenticate` (RFC 9110,
/// section 11.6.1).
struct Challenge: Equatable, Sendable {
    /// In lower case: `bearer`, `basic`.
    let scheme: String
    /// By names in lower case.
    let parameters: [String: String]

    /// Reads all challenges of the fields of an answer.
    ///
    /// What cannot be read ends its field; the challenges before it count.
    static func parse(_ fields: [String]) -> [Challenge] {
        fields.flatMap { field in
            var parser = ChallengeParser(field)
            return parser.challenges()
        }
    }
}

/// A parser of one field, whose length was bounded when the head was read.
private struct ChallengeParser {
    private let bytes: [UInt8]
    private var position = 0

    init(_ field: String) { bytes = Array(field.utf8) }

    mutating func challenges() -> [Challenge] {
        var result: [Challenge] = []
        while true {
            skipSeparators()
            guard let scheme = token() else { return result }
            var parameters: [String: String] = [:]
            while let (name, value) = parameter() { parameters[name.lowercased()] = value }
            result.append(Challenge(scheme: scheme.lowercased(), parameters: parameters))
        }
    }

    /// `name=value` or `name="value"`; nil, with nothing read, for anything else, such as the next challenge.
    private mutating func parameter() -> (String, String)? {
        let start = position
        skipSeparators()
        if let name = token() {
            skipBlanks()
            if take("=") {
                skipBlanks()
                if let value = quoted() ?? token() { return (name, value) }
            }
        }
        position = start
        return nil
    }

    private mutating func token() -> String? {
        let start = position
        while position < bytes.count, isTokenByte(bytes[position]) { position += 1 }
        return position == start ? nil : String(decoding: bytes[start..<position], as: UTF8.self)
    }

    private mutating func quoted() -> String? {
        let start = position
        guard take("\"") else { return nil }
        var text: [UInt8] = []
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            if byte == UInt8(ascii: "\"") { return String(validating: text, as: UTF8.self) }
            if byte == UInt8(ascii: "\\"), position < bytes.count {
                text.append(bytes[position])
                position += 1
            } else {
                text.append(byte)
            }
        }
        position = start
        return nil
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func skipBlanks() {
        while position < bytes.count, bytes[position] == 0x20 || bytes[position] == 0x09 { position += 1 }
    }

    private mutating func skipSeparators() {
        repeat { skipBlanks() } while take(",")
    }

    private func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
        default: "!#$%&'*+-.^_`|~/:".utf8.contains(byte)
        }
    }
}
