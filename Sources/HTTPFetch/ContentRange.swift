/// The field `Content-Range` of a part (RFC 9110, section 14.4).
struct ContentRange: Equatable, Sendable {
    let range: Range<UInt64>
    /// The size of the whole file; nil where the server does not tell (`*`).
    let total: UInt64?

    /// Reads `bytes 0-99/1000`; nil for anything else.
    init?(_ text: String) {
        let words = text.split(separator: " ", omittingEmptySubsequences: true)
        guard words.count == 2, words[0].lowercased() == "bytes" else { return nil }
        let halves = words[1].split(separator: "/", omittingEmptySubsequences: false)
        guard halves.count == 2 else { return nil }
        let ends = halves[0].split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, let first = Self.number(ends[0]), let last = Self.number(ends[1]),
            first <= last,
            last < UInt64.max
        else { return nil }
        if halves[1] == "*" {
            total = nil
        } else {
            guard let size = Self.number(halves[1]), last < size else { return nil }
            total = size
        }
        range = first..<last + 1
    }

    private static func number(_ text: Substring) -> UInt64? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return UInt64(text)
    }
}

/// The ranges that are still to come, ascending, not empty and not touching each other.
struct RangeSet: Equatable, Sendable {
    private(set) var ranges: [Range<UInt64>]

    /// Any ranges, joined where they touch or overlap.
    init(_ ranges: [Range<UInt64>]) {
        var joined: [Range<UInt64>] = []
        for range in ranges.filter({ !$0.isEmpty }).sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = joined.last, range.lowerBound <= last.upperBound {
                joined[joined.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
            } else {
                joined.append(range)
            }
        }
        self.ranges = joined
    }

    var isEmpty: Bool { ranges.isEmpty }
    /// How many bytes.
    var count: UInt64 { ranges.reduce(0) { $0 + UInt64($1.count) } }

    /// Takes out what lies in a range, and returns it.
    mutating func take(_ part: Range<UInt64>) -> [Range<UInt64>] {
        var taken: [Range<UInt64>] = []
        var left: [Range<UInt64>] = []
        for range in ranges {
            let common = range.clamped(to: part)
            guard !common.isEmpty else {
                left.append(range)
                continue
            }
            taken.append(common)
            if range.lowerBound < common.lowerBound { left.append(range.lowerBound..<common.lowerBound) }
            if common.upperBound < range.upperBound { left.append(common.upperBound..<range.upperBound) }
        }
        ranges = left
        return taken
    }

    /// Divided into requests of at most so many ranges and bytes each.
    func requests(ranges limit: Int, bytes: UInt64) -> [RangeSet] {
        var requests: [RangeSet] = []
        var current: [Range<UInt64>] = []
        var size: UInt64 = 0
        func close() {
            if !current.isEmpty { requests.append(RangeSet(current)) }
            (current, size) = ([], 0)
        }
        for range in ranges {
            var rest = range
            while !rest.isEmpty {
                let count = min(UInt64(rest.count), bytes - size)
                current.append(rest.lowerBound..<rest.lowerBound + count)
                size += count
                rest = rest.lowerBound + count..<rest.upperBound
                if size == bytes || current.count == limit { close() }
            }
        }
        close()
        return requests
    }

    /// The value of the request field `Range`.
    var field: String {
        "bytes=" + ranges.map { "\($0.lowerBound)-\($0.upperBound - 1)" }.joined(separator: ",")
    }
}
