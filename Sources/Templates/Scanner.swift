/// What stands between `{{` and `}}`.
struct Tag: Sendable {
    enum Kind: Sendable, Equatable {
        /// `{{! text }}`
        case comment
        /// `{{#name ...}}`
        case open
        /// `{{else}}`, `{{else name ...}}` or `{{^}}`
        case inverse
        /// `{{/name}}`
        case close
        /// `{{...}}`
        case output
    }

    var kind: Kind
    /// The bytes between the marks.
    var content: Range<Int>
    /// Where the tag begins.
    var start: Int
    /// `{{~`: white space before it goes.
    var trimsBefore: Bool
    /// `~}}`: white space behind it goes.
    var trimsAfter: Bool
}

/// Text or a tag.
enum Piece: Sendable {
    case text(String)
    case tag(Tag)
}

/// Splits a template into text and tags, and takes the white space away that belongs to tags.
struct Scanner {
    private let source: SourceText
    private var position = 0
    private var texts: [[UInt8]] = []
    private var tags: [Tag] = []

    init(source: SourceText) { self.source = source }

    /// The pieces: text and tags in turn, without empty texts.
    mutating func pieces() throws(TemplateError) -> [Piece] {
        try split()
        var before = [Bool](repeating: false, count: tags.count)
        for index in tags.indices { before[index] = isAlone(index) }
        var pieces: [Piece] = []
        for (index, text) in texts.enumerated() {
            var rest = text[...]
            if index > 0 {
                if tags[index - 1].trimsAfter {
                    rest = rest.drop(while: \.isSpace)
                } else if before[index - 1] {
                    rest = rest.drop(while: \.isBlank)
                    if rest.first == 0x0d { rest.removeFirst() }
                    if rest.first == 0x0a { rest.removeFirst() }
                }
            }
            if index < tags.count {
                if tags[index].trimsBefore {
                    while rest.last?.isSpace == true { rest.removeLast() }
                } else if before[index] {
                    while rest.last?.isBlank == true { rest.removeLast() }
                }
            }
            if !rest.isEmpty { pieces.append(.text(String(decoding: rest, as: UTF8.self))) }
            if index < tags.count { pieces.append(.tag(tags[index])) }
        }
        return pieces
    }

    /// Whether nothing but a block's or comment's tag stands on its line, which then goes as a whole.
    private func isAlone(_ index: Int) -> Bool {
        guard tags[index].kind != .output else { return false }
        let before = texts[index].reversed().drop(while: \.isBlank)
        guard before.first.map({ $0 == 0x0a }) ?? (index == 0) else { return false }
        let after = texts[index + 1].drop(while: \.isBlank)
        guard let next = after.first else { return index + 1 == tags.count }
        return next == 0x0a || next == 0x0d && after.dropFirst().first == 0x0a
    }

    /// One text more than tags: before, between and behind them.
    private mutating func split() throws(TemplateError) {
        var text: [UInt8] = []
        let bytes = source.bytes
        while position < bytes.count {
            if bytes[position] == UInt8(ascii: "\\"), source.starts(with: "{{", at: position + 1) {
                text += [UInt8(ascii: "{"), UInt8(ascii: "{")]
                position += 3
            } else if source.starts(with: "{{", at: position) {
                texts.append(text)
                text = []
                tags.append(try tag())
            } else {
                text.append(bytes[position])
                position += 1
            }
        }
        texts.append(text)
    }

    private mutating func tag() throws(TemplateError) -> Tag {
        let start = position
        position += 2
        guard !source.starts(with: "{", at: position) else {
            throw source.error(
                .syntax(
                    "'{{{' is not used: nothing is escaped by itself, write '{{', or '{ {{' behind a brace"
                ),
                at: start
            )
        }
        let trimsBefore = take(UInt8(ascii: "~"))
        var tag = Tag(
            kind: .output,
            content: position..<position,
            start: start,
            trimsBefore: trimsBefore,
            trimsAfter: false
        )
        if take(UInt8(ascii: "!")) {
            tag.kind = .comment
            try comment(&tag)
            return tag
        }
        if take(UInt8(ascii: "#")) {
            tag.kind = .open
        } else if take(UInt8(ascii: "/")) {
            tag.kind = .close
        } else if take(UInt8(ascii: "^")) {
            tag.kind = .inverse
        } else if [UInt8(ascii: "&"), UInt8(ascii: ">"), UInt8(ascii: "*")].contains(peek() ?? 0) {
            throw source.error(
                .syntax("'&', '>' and '*' are not used: a template has no partials and escapes nothing"),
                at: position
            )
        }
        try content(&tag)
        let words = source.string(tag.content).split(whereSeparator: \.isWhitespace)
        guard tag.kind != .inverse || words.isEmpty else {
            throw source.error(
                .syntax("'{{^name' is not used: write '{{#unless' or '{{else name'"),
                at: start
            )
        }
        if tag.kind == .output, words.first == "else" {
            tag.kind = .inverse
            // Behind the word, so that what follows reads like the head of a block.
            while let byte = source.bytes[tag.content].first, byte.isSpace {
                tag.content = tag.content.lowerBound + 1..<tag.content.upperBound
            }
            tag.content = tag.content.lowerBound + 4..<tag.content.upperBound
        }
        return tag
    }

    /// Reads up to `}}` outside of quotes and brackets.
    private mutating func content(_ tag: inout Tag) throws(TemplateError) {
        let first = position
        while let byte = peek() {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "'"): try skipQuoted(byte)
            case UInt8(ascii: "["):
                position += 1
                while let inner = peek(), inner != UInt8(ascii: "]"), inner != 0x0a { position += 1 }
            case UInt8(ascii: "~") where source.starts(with: "}}", at: position + 1):
                tag.content = first..<position
                tag.trimsAfter = true
                position += 3
                return
            case UInt8(ascii: "}") where source.starts(with: "}}", at: position):
                tag.content = first..<position
                position += 2
                return
            default: position += 1
            }
        }
        throw source.error(.syntax("'{{' has no '}}': close it"), at: tag.start)
    }

    private mutating func skipQuoted(_ quote: UInt8) throws(TemplateError) {
        let start = position
        position += 1
        while let byte = peek(), byte != quote {
            position += byte == UInt8(ascii: "\\") ? 2 : 1
        }
        guard take(quote) else { throw source.error(.syntax("a quote is not closed"), at: start) }
    }

    private mutating func comment(_ tag: inout Tag) throws(TemplateError) {
        let isLong = source.starts(with: "--", at: position)
        if isLong { position += 2 }
        while position < source.bytes.count {
            if isLong ? source.starts(with: "--}}", at: position) : source.starts(with: "}}", at: position) {
                position += isLong ? 4 : 2
                tag.trimsAfter = !isLong && source.bytes[position - 3] == UInt8(ascii: "~")
                return
            }
            if isLong, source.starts(with: "--~}}", at: position) {
                position += 5
                tag.trimsAfter = true
                return
            }
            position += 1
        }
        throw source.error(.syntax("a comment is not closed"), at: tag.start)
    }

    private func peek() -> UInt8? { position < source.bytes.count ? source.bytes[position] : nil }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard peek() == byte else { return false }
        position += 1
        return true
    }
}
