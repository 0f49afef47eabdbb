internal import JSON

/// Reads what stands in a tag: a path, a literal, a helper with arguments, names for a block.
///
/// Paths are left as they are written; the parser knows what they mean in their block.
struct TagReader {
    private let source: SourceText
    private var position: Int
    private let end: Int

    init(source: SourceText, range: Range<Int>) {
        self.source = source
        position = range.lowerBound
        end = range.upperBound
    }

    /// The head of a block, or all of an output tag: `helper argument ... option=value as |name|`.
    struct Head {
        var place: Place
        var first: Written
        var arguments: [Written] = []
        var options: [String: Written] = [:]
        var names: [String] = []
        /// Whether more than one thing stands there, so that the first is a helper.
        var isCall: Bool { !arguments.isEmpty || !options.isEmpty }
    }

    /// An expression as it is written.
    indirect enum Written {
        case literal(JSONValue)
        case path(WrittenPath)
        case call(Head)
    }

    /// A path as it is written.
    struct WrittenPath {
        /// `..` at its beginning.
        var up = 0
        /// `this` or `.` at its beginning, or `..`: no local name is meant.
        var isAnchored = false
        /// The name behind `@`.
        var data: String?
        var segments: [String] = []
        var text = ""
        var place: Place
        /// A name as a helper may have.
        var helperName: String? {
            data == nil && !isAnchored && segments.count == 1 && segments[0] == text ? text : nil
        }
    }

    var isAtEnd: Bool {
        mutating get {
            skipSpace()
            return position >= end
        }
    }

    mutating func head(depth: Int = 0) throws(TemplateError) -> Head {
        skipSpace()
        let place = source.place(at: position)
        guard depth < Template.maximumDepth else { throw fault(.tooDeep(limit: Template.maximumDepth)) }
        var head = Head(place: place, first: try expression(depth: depth))
        while !isAtEnd, peek() != UInt8(ascii: ")") {
            if try names(of: &head) { break }
            if let option = optionName() {
                guard head.options[option] == nil else {
                    throw fault(.syntax("the option '\(option)' stands here twice"))
                }
                head.options[option] = try expression(depth: depth)
            } else {
                guard head.options.isEmpty else { throw fault(.syntax("arguments stand before options")) }
                head.arguments.append(try expression(depth: depth))
            }
        }
        return head
    }

    /// Reads a single word, as a closing tag has it.
    mutating func word() throws(TemplateError) -> String {
        skipSpace()
        let start = position
        while let byte = peek(), Self.isName(byte) { position += 1 }
        guard position > start, isAtEnd else { throw fault(.syntax("the name of a block was expected")) }
        return source.string(start..<position).trimmed
    }

    mutating func expectEnd() throws(TemplateError) {
        guard isAtEnd else { throw fault(.syntax("nothing more was expected here")) }
    }

    private mutating func expression(depth: Int) throws(TemplateError) -> Written {
        skipSpace()
        guard let byte = peek() else { throw fault(.syntax("a name or a value was expected")) }
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "'"): return .literal(.string(try quoted(byte)))
        case UInt8(ascii: "("):
            position += 1
            let head = try head(depth: depth + 1)
            skipSpace()
            guard head.names.isEmpty, peek() == UInt8(ascii: ")") else {
                throw fault(.syntax("')' was expected"))
            }
            position += 1
            return .call(head)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .literal(try number())
        default: return try path()
        }
    }

    private mutating func number() throws(TemplateError) -> JSONValue {
        let start = position
        while let byte = peek(), Self.isName(byte) || byte == UInt8(ascii: ".") { position += 1 }
        let text = source.string(start..<position)
        if let integer = Int64(text) { return .integer(integer) }
        if text.utf8.allSatisfy({ "-.0123456789".utf8.contains($0) }), let number = Double(text) {
            return .number(number)
        }
        position = start
        throw fault(.syntax("'\(text.prefix(40))' is not a number: a name begins with a letter or '['"))
    }

    private mutating func quoted(_ quote: UInt8) throws(TemplateError) -> String {
        let start = position
        position += 1
        var bytes: [UInt8] = []
        while let byte = peek(), byte != quote {
            position += 1
            guard byte == UInt8(ascii: "\\"), let next = peek() else {
                bytes.append(byte)
                continue
            }
            position += 1
            switch next {
            case UInt8(ascii: "n"): bytes.append(0x0a)
            case UInt8(ascii: "t"): bytes.append(0x09)
            case UInt8(ascii: "\\"), UInt8(ascii: "\""), UInt8(ascii: "'"): bytes.append(next)
            default: throw fault(.syntax("'\\' stands before one of n, t, \\, \" and ' only"))
            }
        }
        guard peek() == quote else {
            position = start
            throw fault(.syntax("a quote is not closed"))
        }
        position += 1
        return String(decoding: bytes, as: UTF8.self)
    }

    private mutating func path() throws(TemplateError) -> Written {
        let start = position
        var path = WrittenPath(place: source.place(at: position))
        if peek() == UInt8(ascii: "@") {
            position += 1
            path.data = try name()
        } else if peek() == UInt8(ascii: ".") {
            path.isAnchored = true
            while source.starts(with: "..", at: position), position + 2 <= end {
                path.up += 1
                position += 2
                guard peek() == UInt8(ascii: "/") else { break }
                position += 1
                guard peek() == UInt8(ascii: ".") else { break }
            }
            if path.up == 0 { position += 1 }
            if let byte = peek(), byte == UInt8(ascii: "/") { position += 1 }
            if let byte = peek(), Self.isName(byte) || byte == UInt8(ascii: "[") {
                path.segments.append(try segment())
            }
        } else {
            let isBracketed = peek() == UInt8(ascii: "[")
            let first = try segment()
            if first == "this", !isBracketed { path.isAnchored = true } else { path.segments.append(first) }
            if !isBracketed, peek() != UInt8(ascii: "."), let literal = Self.literals[first] {
                return .literal(literal)
            }
        }
        while peek() == UInt8(ascii: ".") {
            position += 1
            path.segments.append(try segment())
        }
        if path.up > 0, path.segments.first == "this" { path.segments.removeFirst() }
        path.text = source.string(start..<position)
        guard path.segments.count <= Template.maximumDepth else {
            throw fault(.tooDeep(limit: Template.maximumDepth))
        }
        if let byte = peek(), !byte.isSpace, byte != UInt8(ascii: ")") {
            throw fault(.syntax("'\(source.string(position..<position + 1))' can't stand here"))
        }
        return .path(path)
    }

    private static let literals: [String: JSONValue] = [
        "true": .bool(true), "false": .bool(false), "null": .null, "undefined": .null,
    ]

    /// A name on a path: plain, or in brackets or quotes.
    private mutating func segment() throws(TemplateError) -> String {
        if peek() == UInt8(ascii: "\"") { return try quoted(UInt8(ascii: "\"")) }
        guard peek() == UInt8(ascii: "[") else { return try name() }
        let start = position + 1
        position = start
        while let byte = peek(), byte != UInt8(ascii: "]") { position += 1 }
        guard peek() != nil, position > start else {
            throw fault(.syntax("a name in '[' and ']' was expected"))
        }
        position += 1
        return source.string(start..<position - 1)
    }

    private mutating func name() throws(TemplateError) -> String {
        let start = position
        while let byte = peek(), Self.isName(byte) { position += 1 }
        guard position > start else { throw fault(.syntax("a name was expected")) }
        return source.string(start..<position)
    }

    /// `name=`, if that is what stands here.
    private mutating func optionName() -> String? {
        let start = position
        while let byte = peek(), Self.isName(byte) { position += 1 }
        guard position > start, peek() == UInt8(ascii: "=") else {
            position = start
            return nil
        }
        position += 1
        return source.string(start..<position - 1)
    }

    /// `as |name name|`, if that is what stands here.
    private mutating func names(of head: inout Head) throws(TemplateError) -> Bool {
        guard source.starts(with: "as", at: position), position + 2 < end, source.bytes[position + 2].isSpace
        else { return false }
        let start = position
        position += 2
        skipSpace()
        guard peek() == UInt8(ascii: "|") else {
            position = start
            return false
        }
        position += 1
        skipSpace()
        while peek() != UInt8(ascii: "|") {
            head.names.append(try name())
            skipSpace()
        }
        position += 1
        guard (1...2).contains(head.names.count), Set(head.names).count == head.names.count else {
            throw fault(.syntax("one or two different names are given between '|' and '|'"))
        }
        return true
    }

    private static func isName(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    private mutating func skipSpace() { while peek()?.isSpace == true { position += 1 } }

    private func peek() -> UInt8? { position < end ? source.bytes[position] : nil }

    private func fault(_ reason: TemplateError.Reason) -> TemplateError {
        source.error(reason, at: min(position, source.bytes.count))
    }
}

extension String {
    /// Without the white space around it.
    fileprivate var trimmed: String {
        let start = drop { $0.isWhitespace }
        return String(start.reversed().drop { $0.isWhitespace }.reversed())
    }
}
