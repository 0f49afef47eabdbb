extension TOMLScanner {
    /// Reads a string of any of the four kinds; a quote is what follows.
    mutating func string() throws(TOMLError) -> String {
        if take("\"\"\"") { return try longString(UInt8(ascii: "\"")) }
        if take("'''") { return try longString(UInt8(ascii: "'")) }
        let start = position
        let quote = peek() ?? 0
        position += 1
        var text: [UInt8] = []
        while let byte = peek() {
            if byte == quote {
                position += 1
                return String(decoding: text, as: UTF8.self)
            }
            if byte == UInt8(ascii: "\\"), quote == UInt8(ascii: "\"") {
                try escape(into: &text)
                continue
            }
            if byte == 0x0a || byte == 0x0d { break }
            try take(byte, into: &text)
        }
        throw fault(.expected("a quote that closes the string on the same line"), at: start)
    }

    /// Reads a string of several lines; its opening quotes are behind the scanner.
    private mutating func longString(_ quote: UInt8) throws(TOMLError) -> String {
        let start = position - 3
        _ = takeLineBreak()
        var text: [UInt8] = []
        while let byte = peek() {
            if byte == quote {
                var count = 0
                while count < 5, peek(count) == quote { count += 1 }
                position += count
                // Up to two quotes may stand right before the three that close.
                text += Array(repeating: quote, count: count >= 3 ? count - 3 : count)
                if count >= 3 { return String(decoding: text, as: UTF8.self) }
            } else if byte == UInt8(ascii: "\\"), quote == UInt8(ascii: "\"") {
                if !skipEscapedLineBreak() { try escape(into: &text) }
            } else if takeLineBreak() {
                text.append(0x0a)
            } else {
                try take(byte, into: &text)
            }
        }
        throw fault(.expected("three quotes that close the string"), at: start)
    }

    private mutating func take(_ byte: UInt8, into text: inout [UInt8]) throws(TOMLError) {
        guard !Self.isControl(byte) else {
            throw fault(.expected("an escape such as \\u001b: control characters may not stand in strings"))
        }
        text.append(byte)
        position += 1
    }

    /// Moves over a backslash at the end of a line with all blanks and line breaks behind it, if this is one.
    private mutating func skipEscapedLineBreak() -> Bool {
        let start = position
        position += 1
        skipBlanks()
        guard takeLineBreak() else {
            position = start
            return false
        }
        repeat { skipBlanks() } while takeLineBreak()
        return true
    }

    private mutating func escape(into text: inout [UInt8]) throws(TOMLError) {
        let start = position
        position += 1
        let byte = peek() ?? 0
        position += 1
        switch Unicode.Scalar(byte) {
        case "\"", "\\": text.append(byte)
        case "b": text.append(0x08)
        case "f": text.append(0x0c)
        case "n": text.append(0x0a)
        case "r": text.append(0x0d)
        case "t": text.append(0x09)
        case "u", "U":
            let count = byte == UInt8(ascii: "u") ? 4 : 8
            guard position + count <= bytes.count,
                let code = Self.hexadecimal(bytes[position..<position + count]),
                let scalar = Unicode.Scalar(code)
            else { throw fault(.expected("\(count) hexadecimal digits of a Unicode scalar"), at: start) }
            position += count
            text.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
        default:
            throw fault(.expected("an escape such as \\n, \\\\ or \\u0041"), at: start)
        }
    }

    private static func hexadecimal(_ digits: ArraySlice<UInt8>) -> UInt32? {
        var code: UInt32 = 0
        for digit in digits {
            guard let value = Character(Unicode.Scalar(digit)).hexDigitValue else { return nil }
            code = code << 4 | UInt32(value)
        }
        return code
    }
}
