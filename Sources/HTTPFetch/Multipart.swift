/// Reads a body of the type multipart/byteranges as it comes (RFC 9110, section 14.6; RFC 2046, section 5.1).
///
/// Bounded: of a part's head and of what stands between parts a few KiB are kept, of its content nothing. A part's
/// length is what its `Content-Range` says; boundaries are looked for only where a part must end.
struct Multipart {
    /// What was found.
    enum Event: Equatable {
        /// Content of a part, with its place in the file.
        case content(offset: UInt64, ArraySlice<UInt8>)
        /// A part begins.
        case part(ContentRange)
    }

    private enum State: Equatable {
        /// Before a boundary line; text may stand there only before the first.
        case boundary(first: Bool)
        case head
        case content(next: UInt64, end: UInt64)
        case end
    }

    static let lineLimit = 2048
    static let headLinesLimit = 32
    static let preambleLimit = 4096

    private let boundary: [UInt8]
    private let partsLimit: Int
    private var state = State.boundary(first: true)
    private var line: [UInt8] = []
    private var lines = 0
    private var skipped = 0
    /// How many parts have begun.
    private(set) var parts = 0
    private var range: ContentRange?

    /// Whether the closing boundary has been seen.
    var isComplete: Bool { state == .end }

    /// A reader for a boundary, and a number of parts that is not exceeded.
    init(boundary: String, partsLimit: Int) {
        self.boundary = Array("--\(boundary)".utf8)
        self.partsLimit = partsLimit
    }

    /// The boundary of a `Content-Type`; nil where that is not multipart/byteranges, or the boundary is not allowed.
    static func boundary(ofType type: String) -> String? {
        let parts = type.split(separator: ";", omittingEmptySubsequences: false)
        func trimmed(_ text: Substring) -> Substring {
            let start = text.drop { $0 == " " || $0 == "\t" }
            let blanks = start.reversed().prefix { $0 == " " || $0 == "\t" }.count
            return start.dropLast(blanks)
        }
        guard trimmed(parts[0]).lowercased() == "multipart/byteranges" else { return nil }
        for part in parts.dropFirst().map(trimmed) where part.lowercased().hasPrefix("boundary=") {
            var value = part.dropFirst("boundary=".count)
            if value.count >= 2, value.hasPrefix("\""), value.hasSuffix("\"") {
                value = value.dropFirst().dropLast()
            }
            let allowed = value.utf8.allSatisfy { (0x20...0x7e).contains($0) && $0 != UInt8(ascii: "\"") }
            return (1...70).contains(value.utf8.count) && allowed ? String(value) : nil
        }
        return nil
    }

    /// Takes the next bytes of the body.
    mutating func read(_ bytes: ArraySlice<UInt8>, _ found: (Event) throws -> Void) throws {
        var rest = bytes
        while !rest.isEmpty {
            switch state {
            case .end: return
            case .content(let next, let end):
                let count = Int(min(UInt64(rest.count), end - next))
                try found(.content(offset: next, rest.prefix(count)))
                rest = rest.dropFirst(count)
                let now = next + UInt64(count)
                state = now == end ? .boundary(first: false) : .content(next: now, end: end)
            case .boundary, .head:
                guard let newline = rest.firstIndex(of: UInt8(ascii: "\n")) else {
                    try append(rest)
                    return
                }
                try append(rest[..<newline])
                rest = rest[(newline + 1)...]
                if line.last == UInt8(ascii: "\r") { line.removeLast() }
                let complete = line
                line = []
                try self.complete(complete, found)
            }
        }
    }

    /// To be called after the last byte: a closing boundary needs no line end.
    mutating func finish() {
        if case .boundary = state, line.starts(with: boundary + Array("--".utf8)) { state = .end }
    }

    private mutating func append(_ bytes: ArraySlice<UInt8>) throws(FetchFailure) {
        guard line.count + bytes.count <= Self.lineLimit else {
            throw .wrongRange("a line between the parts of its answer is longer than \(Self.lineLimit) bytes")
        }
        line += bytes
    }

    private mutating func complete(_ line: [UInt8], _ found: (Event) throws -> Void) throws {
        if case .boundary(let first) = state {
            try boundaryLine(line, first: first)
            return
        }
        if line.isEmpty {
            guard let range else {
                throw FetchFailure.wrongRange("a part of its answer has no valid Content-Range")
            }
            try found(.part(range))
            state = .content(next: range.range.lowerBound, end: range.range.upperBound)
            return
        }
        lines += 1
        guard lines <= Self.headLinesLimit else {
            throw FetchFailure.wrongRange("a part of its answer has more than \(Self.headLinesLimit) fields")
        }
        let text = String(decoding: line, as: UTF8.self)
        let name = "content-range:"
        guard text.lowercased().hasPrefix(name) else { return }
        guard range == nil, let value = ContentRange(String(text.dropFirst(name.count))) else {
            throw FetchFailure.wrongRange("a part of its answer has a wrong Content-Range")
        }
        range = value
    }

    private mutating func boundaryLine(_ line: [UInt8], first: Bool) throws(FetchFailure) {
        skipped += line.count + 2
        guard line.starts(with: boundary) else {
            // After content there is one line end before the boundary; before the first, a preamble may stand.
            guard first ? skipped <= Self.preambleLimit : line.isEmpty && skipped <= 2 else {
                throw .wrongRange("a part of its answer does not end where its Content-Range says")
            }
            return
        }
        let tail = line.dropFirst(boundary.count)
        if tail.starts(with: "--".utf8) {
            state = .end
            return
        }
        guard tail.allSatisfy({ $0 == 0x20 || $0 == 0x09 }) else {
            throw .wrongRange("a boundary between the parts of its answer is not the one it named")
        }
        parts += 1
        guard parts <= partsLimit else { throw .wrongRange("it sent more than \(partsLimit) parts") }
        (state, lines, skipped, range) = (.head, 0, 0, nil)
    }
}
