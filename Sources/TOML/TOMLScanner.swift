/// Moves over the bytes of a document, knows the place for messages, and skips what has no meaning.
struct TOMLScanner {
    let bytes: [UInt8]
    var position = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { position >= bytes.count }

    func peek(_ distance: Int = 0) -> UInt8? {
        position + distance < bytes.count ? bytes[position + distance] : nil
    }

    /// Whether the text is what follows.
    func sees(_ text: StaticString) -> Bool {
        text.withUTF8Buffer { bytes[min(position, bytes.count)...].starts(with: $0) }
    }

    /// Moves over the text if it is what follows.
    mutating func take(_ text: StaticString) -> Bool {
        guard sees(text) else { return false }
        position += text.utf8CodeUnitCount
        return true
    }

    mutating func skipBlanks() {
        while let byte = peek(), byte == 0x20 || byte == 0x09 { position += 1 }
    }

    /// Moves over a line break, LF or CR LF.
    mutating func takeLineBreak() -> Bool { take("\n") || take("\r\n") }

    /// Moves over blanks, a comment, and the break that ends the line, where only they may stand.
    mutating func endLine() throws(TOMLError) {
        skipBlanks()
        try skipComment()
        guard isAtEnd || takeLineBreak() else { throw fault(.expected("the end of the line")) }
    }

    /// Moves over blanks, comments and line breaks.
    mutating func skipBlanksAndLines() throws(TOMLError) {
        repeat {
            skipBlanks()
            try skipComment()
        } while takeLineBreak()
    }

    private mutating func skipComment() throws(TOMLError) {
        guard peek() == UInt8(ascii: "#") else { return }
        while let byte = peek(), byte != 0x0a, !sees("\r\n") {
            guard !Self.isControl(byte) else {
                throw fault(.expected("no control characters in a comment"))
            }
            position += 1
        }
    }

    /// Whether TOML allows the byte nowhere in a line: control characters but the tab.
    static func isControl(_ byte: UInt8) -> Bool { (byte < 0x20 && byte != 0x09) || byte == 0x7f }

    /// Checks the encoding of the whole document.
    func checkUTF8() throws(TOMLError) {
        var parser = Unicode.UTF8.ForwardParser()
        var iterator = bytes.makeIterator()
        var offset = 0
        while true {
            switch parser.parseScalar(from: &iterator) {
            case .valid(let scalar): offset += scalar.count
            case .emptyInput: return
            case .error: throw fault(.invalidUTF8, at: offset)
            }
        }
    }

    /// An error at a place: by default, where the scanner is.
    func fault(_ reason: TOMLError.Reason, at place: Int? = nil) -> TOMLError {
        let before = bytes.prefix(place ?? position)
        let lineStart = before.lastIndex(of: 0x0a).map { $0 + 1 } ?? 0
        let line = before.reduce(1) { $1 == 0x0a ? $0 + 1 : $0 }
        return TOMLError(reason: reason, line: line, column: before.count - lineStart + 1)
    }
}
