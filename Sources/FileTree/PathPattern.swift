import Foundation

/// A glob over absolute paths, compiled once and matched by bytes.
///
/// - `*` matches any characters but `/`, `?` one such character, `[a-z]` one of a set and `[!a-z]` one outside it.
/// - `**` matches any characters, also `/`; in `/a/**/b` it matches nothing too, so that `/a/b` is included.
/// - `\` takes the next character literally.
///
/// A pattern below an alias of merged /usr (`/lib/x`) means the path it is stored at (`/usr/lib/x`).
public struct PathPattern: Sendable, Hashable, CustomStringConvertible {
    private enum Token: Sendable, Hashable {
        case byte(UInt8)
        case anyCharacter
        case set([ClosedRange<UInt8>], negated: Bool)
        case star
        case doubleStar
        /// `**/`: nothing, or anything that ends in a slash.
        case directories
    }

    /// The pattern as compiled.
    public let text: String
    private let prefix: [UInt8]
    private let suffix: [UInt8]
    private let rest: [Token]

    /// Compiles a pattern.
    ///
    /// - Throws: `FileTreeError.pattern` when it starts with neither `/` nor `**`, or a set is malformed.
    public init(_ text: String) throws(FileTreeError) {
        var text = text
        guard text.hasPrefix("/") || text.hasPrefix("**") else {
            throw .pattern(pattern: text, reason: "it must start with '/' or '**'")
        }
        if TreePath.alias(above: text) != nil { text = "/usr" + text }
        let tokens = try Self.tokens(of: text)
        var literal: [UInt8] = []
        for token in tokens {
            guard case .byte(let byte) = token else { break }
            literal.append(byte)
        }
        let rest = Array(tokens.dropFirst(literal.count))
        var ending: [UInt8] = []
        for token in rest.reversed() {
            guard case .byte(let byte) = token else { break }
            ending.append(byte)
        }
        self.text = text
        self.rest = rest
        prefix = literal
        suffix = ending.reversed()
    }

    /// The pattern's text.
    public var description: String { text }

    /// What every match starts with.
    public var literalPrefix: String { String(decoding: prefix, as: UTF8.self) }

    /// Whether the pattern matches one path only.
    public var isLiteral: Bool { rest.isEmpty }

    /// Whether the pattern matches an absolute path as a whole.
    public func matches(_ path: String) -> Bool {
        if let result = path.utf8.withContiguousStorageIfAvailable({ matches($0) }) { return result }
        return Array(path.utf8).withUnsafeBufferPointer { matches($0) }
    }

    private func matches(_ path: UnsafeBufferPointer<UInt8>) -> Bool {
        guard let base = path.baseAddress, path.count >= prefix.count + suffix.count else {
            return path.isEmpty && prefix.isEmpty && rest.allSatisfy { $0 == .star || $0 == .doubleStar }
        }
        guard memcmp(base, prefix, prefix.count) == 0,
            memcmp(base + path.count - suffix.count, suffix, suffix.count) == 0
        else { return false }
        if rest.isEmpty { return path.count == prefix.count }
        return matchRest(path)
    }

    /// Greedy matching that remembers the last `*` and the last `**`.
    ///
    /// Earlier ones never need another try: whatever they could reach, the last of their kind reaches too. So
    /// the time is bounded by the product of the lengths for a pattern with one `**`, and never exponential.
    private func matchRest(_ path: UnsafeBufferPointer<UInt8>) -> Bool {
        let slash = UInt8(ascii: "/")
        var position = prefix.count
        var index = 0
        var star: (index: Int, position: Int)?
        var deep: (index: Int, position: Int, directories: Bool)?
        while true {
            if index == rest.count, position == path.count { return true }
            var advanced = false
            if index < rest.count {
                switch rest[index] {
                case .byte(let byte):
                    if position < path.count, path[position] == byte {
                        position += 1
                        advanced = true
                    }
                case .anyCharacter:
                    if position < path.count, path[position] != slash {
                        position += 1
                        while position < path.count, path[position] & 0xc0 == 0x80 { position += 1 }
                        advanced = true
                    }
                case .set(let ranges, let negated):
                    if position < path.count, path[position] != slash,
                        ranges.contains(where: { $0.contains(path[position]) }) != negated
                    {
                        position += 1
                        while position < path.count, path[position] & 0xc0 == 0x80 { position += 1 }
                        advanced = true
                    }
                case .star:
                    star = (index, position)
                    advanced = true
                case .doubleStar:
                    deep = (index, position, false)
                    star = nil
                    advanced = true
                case .directories:
                    deep = (index, position, true)
                    star = nil
                    advanced = true
                }
                if advanced {
                    index += 1
                    continue
                }
            }
            // Let the last `*` take one character more, or else the last `**`.
            if let last = star, last.position < path.count, path[last.position] != slash {
                star = (last.index, last.position + 1)
                position = last.position + 1
                index = last.index + 1
            } else if let last = deep, last.position < path.count {
                var next = last.position + 1
                if last.directories {
                    while next <= path.count, path[next - 1] != slash {
                        next += 1
                    }
                    guard next <= path.count else { return false }
                }
                deep = (last.index, next, last.directories)
                star = nil
                position = next
                index = last.index + 1
            } else {
                return false
            }
        }
    }

    // MARK: Compilation

    private static func tokens(of text: String) throws(FileTreeError) -> [Token] {
        let bytes = Array(text.utf8)
        var tokens: [Token] = []
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            switch byte {
            case 0:
                throw .pattern(pattern: text, reason: "it has a NUL byte")
            case UInt8(ascii: "\\"):
                guard index < bytes.count else {
                    throw .pattern(
                        pattern: text,
                        reason: "it ends in '\\', which needs a character to take literally"
                    )
                }
                tokens.append(.byte(bytes[index]))
                index += 1
            case UInt8(ascii: "?"):
                tokens.append(.anyCharacter)
            case UInt8(ascii: "["):
                tokens.append(try set(in: bytes, from: &index, text: text))
            case UInt8(ascii: "*"):
                guard index < bytes.count, bytes[index] == byte else {
                    if tokens.last != .star, tokens.last != .doubleStar { tokens.append(.star) }
                    continue
                }
                while index < bytes.count, bytes[index] == byte { index += 1 }
                let afterSlash = tokens.last == .byte(UInt8(ascii: "/"))
                if afterSlash, index < bytes.count, bytes[index] == UInt8(ascii: "/") {
                    index += 1
                    tokens.append(.directories)
                } else {
                    while tokens.last == .star { tokens.removeLast() }
                    if tokens.last != .doubleStar { tokens.append(.doubleStar) }
                }
            default:
                tokens.append(.byte(byte))
            }
        }
        return tokens
    }

    private static func set(
        in bytes: [UInt8],
        from index: inout Int,
        text: String
    ) throws(FileTreeError) -> Token {
        var negated = false
        if index < bytes.count, bytes[index] == UInt8(ascii: "!") || bytes[index] == UInt8(ascii: "^") {
            negated = true
            index += 1
        }
        var ranges: [ClosedRange<UInt8>] = []
        while index < bytes.count, bytes[index] != UInt8(ascii: "]") || ranges.isEmpty {
            let first = bytes[index]
            index += 1
            guard first < 0x80, first != UInt8(ascii: "/") else {
                throw .pattern(
                    pattern: text,
                    reason: "a set '[...]' can only have ASCII characters other than '/'"
                )
            }
            if index + 1 < bytes.count, bytes[index] == UInt8(ascii: "-"),
                bytes[index + 1] != UInt8(ascii: "]")
            {
                let last = bytes[index + 1]
                guard last >= first, last < 0x80 else {
                    throw .pattern(pattern: text, reason: "a range in a set '[...]' runs backwards")
                }
                ranges.append(first...last)
                index += 2
            } else {
                ranges.append(first...first)
            }
        }
        guard index < bytes.count else {
            throw .pattern(pattern: text, reason: "a set is not closed with ']'")
        }
        index += 1
        return .set(ranges, negated: negated)
    }
}
