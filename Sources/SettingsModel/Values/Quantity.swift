public import JSON

/// A quantity as Kubernetes writes it: `500m`, `1.5Gi`, `128974848`, `129e6`.
public struct Quantity: TextSetting, Hashable {
    /// The quantity, as it was given.
    public let text: String

    /// Takes a number with a suffix that may be left out; nil for anything else.
    public init?(_ text: String) {
        guard (1...40).contains(text.utf8.count) else { return nil }
        let unsigned = text.utf8.first?.isOne(of: "+-") == true ? text.dropFirst() : text[...]
        let number = unsigned.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        guard Self.isDecimal(number), Self.isSuffix(unsigned[number.endIndex...]) else { return nil }
        self.text = text
    }

    /// What is allowed.
    public static var shape: ValueShape {
        ValueShape(
            name: "quantity",
            allowed: "a quantity such as 500m, 10Mi, 1.5Gi or 129e6 (n u m k M G T P E, Ki Mi Gi Ti Pi Ei)",
            form: .text(pattern: Pattern.whole(pattern), length: 1...40)
        )
    }

    static let pattern =
        #"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]{1,3})?"#

    private static func isDecimal(_ text: Substring) -> Bool {
        text.utf8.contains(where: \.isDigit) && text.utf8.count(where: { $0 == UInt8(ascii: ".") }) <= 1
    }

    private static func isSuffix(_ text: Substring) -> Bool {
        let bytes = Array(text.utf8)
        switch bytes.count {
        case 0: return true
        case 1: return bytes[0].isOne(of: "numkMGTPE")
        default:
            if bytes.count == 2, bytes[1] == UInt8(ascii: "i") { return bytes[0].isOne(of: "KMGTPE") }
            guard bytes[0].isOne(of: "eE") else { return false }
            let digits = bytes[1].isOne(of: "+-") ? bytes.dropFirst(2) : bytes.dropFirst()
            return (1...3).contains(digits.count) && digits.allSatisfy(\.isDigit)
        }
    }
}

/// When kubelet evicts pods: less than a quantity is left, or less than a part of the whole.
public struct EvictionThreshold: TextSetting, Hashable {
    /// The threshold.
    public let text: String

    /// Takes a quantity, or a percentage below 100; nil for anything else.
    public init?(_ text: String) {
        if text.utf8.last == UInt8(ascii: "%") {
            let number = text.dropLast()
            guard number.utf8.count <= 12,
                number.split(separator: ".", omittingEmptySubsequences: false).count <= 2,
                number.isList(separatedBy: ".", { $0.utf8.allSatisfy(\.isDigit) }),
                let percent = Double(number), percent < 100
            else { return nil }
        } else {
            guard Quantity(text) != nil else { return nil }
        }
        self.text = text
    }

    /// What is allowed.
    public static var shape: ValueShape {
        ValueShape(
            name: "eviction threshold",
            allowed: "a quantity such as 100Mi, or a percentage below 100% such as 10%",
            form: .text(
                pattern: Pattern.whole(#"\#(Quantity.pattern)|0*[0-9]{1,2}(?:\.[0-9]+)?%"#),
                length: 1...40
            )
        )
    }
}

/// A number of bytes, given as a number or with a unit, and stored as a number.
public struct ByteCount: SettingValue, Hashable {
    /// How many bytes.
    public let bytes: Int64

    /// Takes a number of bytes; nil when it is negative.
    public init?(_ bytes: Int64) {
        guard bytes >= 0 else { return nil }
        self.bytes = bytes
    }

    /// Takes a text such as `8mb` or `8MiB`; nil for anything else.
    public init?(_ text: String) {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let unit = text[digits.endIndex...].lowercased()
        guard digits.utf8.count <= 15, let factor = Self.units[unit], let count = Int64(digits) else {
            return nil
        }
        let (bytes, overflow) = count.multipliedReportingOverflow(by: factor)
        guard !overflow else { return nil }
        self.bytes = bytes
    }

    /// What is allowed.
    public static var shape: ValueShape {
        ValueShape(
            name: "byte count",
            allowed: "a number of bytes, or a text such as 8mb or 8MiB (b, kb, mb, gb, kib, mib, gib)",
            form: .either([
                ValueShape(
                    name: "number of bytes",
                    allowed: "a number of bytes",
                    form: .integer(0...Int64.max)
                ),
                ValueShape(
                    name: "bytes with a unit",
                    allowed: "a text such as 8mb or 8MiB",
                    form: .text(
                        pattern: Pattern.whole("[0-9]{1,15}(?:[KkMmGg][Ii]?)?[Bb]?"),
                        length: 1...18
                    )
                ),
            ])
        )
    }

    /// Reads a number or a text.
    public static func read(_ json: JSONValue, _ reader: inout SettingReader) -> ByteCount? {
        let value = json.integer.flatMap { ByteCount($0) } ?? json.string.flatMap { ByteCount($0) }
        if value == nil { reader.refuse(json, allowed: shape.allowed) }
        return value
    }

    /// The number of bytes.
    public var json: JSONValue { .integer(bytes) }

    private static let units: [String: Int64] = {
        var units: [String: Int64] = ["": 1, "b": 1]
        for (power, letter) in ["k", "m", "g"].enumerated() {
            let decimal = [1000, 1_000_000, 1_000_000_000][power]
            for unit in [letter, letter + "b"] { units[unit] = Int64(decimal) }
            for unit in [letter + "i", letter + "ib"] { units[unit] = 1 << Int64(10 * (power + 1)) }
        }
        return units
    }()
}
