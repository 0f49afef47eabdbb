/// Bytes as Base64 (RFC 4648, section 4): with padding, without line breaks, of which only one text has the same bytes.
public struct Base64Data: TextSetting, Hashable {
    /// The longest text, in bytes.
    public static let maximumLength = 1 << 20

    /// The Base64 text.
    public let text: String

    /// Takes Base64; nil for anything else.
    public init?(_ text: String) {
        guard Self.decode(text) != nil else { return nil }
        self.text = text
    }

    /// The bytes.
    public var bytes: [UInt8] { Self.decode(text) ?? [] }

    /// What is allowed.
    public static var shape: ValueShape {
        ValueShape(
            name: "Base64",
            allowed: "Base64 with padding and without line breaks (RFC 4648), at most 1 MiB",
            form: .text(pattern: Pattern.whole(pattern), length: 0...maximumLength)
        )
    }

    static let pattern =
        "(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?"

    /// The bytes of a Base64 text; nil when it is none.
    static func decode(_ text: some StringProtocol) -> [UInt8]? {
        guard text.utf8.count <= maximumLength, text.utf8.count % 4 == 0 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count / 4 * 3)
        var bits: UInt32 = 0
        var bitCount = 0
        var padding = 0
        for byte in text.utf8 {
            if byte == UInt8(ascii: "=") {
                padding += 1
                continue
            }
            guard padding == 0, let sextet = sextet(byte) else { return nil }
            bits = bits << 6 | sextet
            bitCount += 6
            if bitCount >= 8 {
                bitCount -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(bitCount)))
                bits &= (1 << UInt32(bitCount)) - 1
            }
        }
        // Each missing sextet leaves two bits over; other bits would be a second spelling of the same bytes.
        guard padding <= 2, bitCount == padding * 2, bits == 0 else { return nil }
        return bytes
    }

    private static func sextet(_ byte: UInt8) -> UInt32? {
        switch byte {
        case 0x41...0x5a: UInt32(byte - 0x41)
        case 0x61...0x7a: UInt32(byte - 0x61) + 26
        case 0x30...0x39: UInt32(byte - 0x30) + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
