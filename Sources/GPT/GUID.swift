/// A globally unique identifier as UEFI uses it: a UUID with the first three fields little-endian on disk.
///
/// UEFI 2.10, appendix A. Text and `uuidBytes` are in the order of RFC 4122; `diskBytes` is the mixed-endian
/// order of partition tables.
public struct GUID: Sendable, Hashable, CustomStringConvertible {
    private let high: UInt64
    private let low: UInt64

    /// Number of bytes of an identifier.
    public static let byteCount = 16

    /// The identifier of nothing: marks an unused partition entry.
    public static let zero = GUID(high: 0, low: 0)

    init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Takes 16 bytes in the order of RFC 4122 (most significant first); nil for any other number.
    public init?(uuidBytes: some Collection<UInt8>) {
        guard uuidBytes.count == Self.byteCount else { return nil }
        high = uuidBytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
        low = uuidBytes.dropFirst(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// Takes 16 bytes as they lie in a partition table; nil for any other number.
    public init?(diskBytes: some Collection<UInt8>) {
        guard diskBytes.count == Self.byteCount else { return nil }
        self.init(uuidBytes: Self.swapped(Array(diskBytes)))
    }

    /// Reads the form `8-4-4-4-12` of hexadecimal digits of either case; nil for anything else.
    public init?(_ text: String) {
        let groups = text.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard groups.map(\.count) == [8, 4, 4, 4, 12] else { return nil }
        var bytes: [UInt8] = []
        var pending: UInt8?
        for digit in groups.joined() {
            guard let value = Self.value(ofDigit: digit) else { return nil }
            if let first = pending {
                bytes.append(first << 4 | value)
                pending = nil
            } else {
                pending = value
            }
        }
        self.init(uuidBytes: bytes)
    }

    /// The 16 bytes in the order of RFC 4122.
    public var uuidBytes: [UInt8] {
        [high, low].flatMap { half in
            stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: half >> $0) }
        }
    }

    /// The 16 bytes as they lie in a partition table.
    public var diskBytes: [UInt8] { Self.swapped(uuidBytes) }

    /// The lower-case text form, as `blkid` and `/dev/disk/by-partuuid` write it.
    public var description: String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        for (index, byte) in uuidBytes.enumerated() {
            if [4, 6, 8, 10].contains(index) { text.append(UInt8(ascii: "-")) }
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Exchanges the two orders; its own inverse.
    private static func swapped(_ bytes: [UInt8]) -> [UInt8] {
        [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15].map { bytes[$0] }
    }

    private static func value(ofDigit digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

extension GUID: Codable {
    /// Decodes the text form.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let guid = GUID(text) else {
            throw DecodingError.dataCorruptedError(
                in: container,
                debugDescription:
                    "'\(text.prefix(80))' is not a UUID: 8-4-4-4-12 hexadecimal digits are expected"
            )
        }
        self = guid
    }

    /// Encodes the text form.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
