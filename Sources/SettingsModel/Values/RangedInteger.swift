public import JSON

/// What a whole number of a setting counts, and between which bounds.
public protocol IntegerForm: Sendable {
    /// The name of the type in the reference.
    static var name: String { get }
    /// The least and the greatest value.
    static var range: ClosedRange<Int64> { get }
    /// What values with a meaning of their own mean: "-1 for no limit"; nil when there are none.
    static var remark: String? { get }
}

extension IntegerForm {
    /// No value has a meaning of its own.
    public static var remark: String? { nil }
}

/// A whole number between bounds.
public struct RangedInteger<Form: IntegerForm>: SettingValue, Hashable {
    /// The number.
    public let value: Int64

    /// Takes a number; nil outside of the bounds.
    public init?(_ value: Int64) {
        guard Form.range.contains(value) else { return nil }
        self.value = value
    }

    /// What is allowed.
    public static var shape: ValueShape {
        let bounds = "a whole number from \(Form.range.lowerBound) to \(Form.range.upperBound)"
        return ValueShape(
            name: Form.name,
            allowed: Form.remark.map { "\(bounds); \($0)" } ?? bounds,
            form: .integer(Form.range)
        )
    }

    /// Reads a JSON number without a fraction.
    public static func read(_ json: JSONValue, _ reader: inout SettingReader) -> RangedInteger? {
        guard let value = json.integer.flatMap({ RangedInteger($0) }) else {
            reader.refuse(json, allowed: shape.allowed)
            return nil
        }
        return value
    }

    /// The number as JSON.
    public var json: JSONValue { .integer(value) }
}

/// A number of things, as a 32 bit number.
public enum CountForm: IntegerForm {
    /// The name of the type.
    public static let name = "count"
    /// From none to the greatest number of 32 bits with a sign.
    public static let range: ClosedRange<Int64> = 0...2_147_483_647
}

/// A number of things, of which there is at least one.
public enum PositiveCountForm: IntegerForm {
    /// The name of the type.
    public static let name = "positive count"
    /// From one to the greatest number of 32 bits with a sign.
    public static let range: ClosedRange<Int64> = 1...2_147_483_647
}

/// A number of things, or no limit.
public enum LimitForm: IntegerForm {
    /// The name of the type.
    public static let name = "limit"
    /// From -1 to the greatest number of 32 bits with a sign.
    public static let range: ClosedRange<Int64> = -1...2_147_483_647
    /// What -1 means.
    public static let remark: String? = "-1 for no limit"
}

/// The place of a host in the waves of a release.
public enum UpdateSeedForm: IntegerForm {
    /// The name of the type.
    public static let name = "update seed"
    /// As many places as the waves have.
    public static let range: ClosedRange<Int64> = 0...2047
}

/// Bytes a second.
public enum ByteRateForm: IntegerForm {
    /// The name of the type.
    public static let name = "byte rate"
    /// From what a release can still be fetched with in a day or so to more than networks have.
    public static let range: ClosedRange<Int64> = 4096...1_000_000_000_000
}

/// A number of things.
public typealias Count = RangedInteger<CountForm>
/// A number of things, of which there is at least one.
public typealias PositiveCount = RangedInteger<PositiveCountForm>
/// A number of things, or -1 for no limit.
public typealias Limit = RangedInteger<LimitForm>
/// Bytes a second.
public typealias ByteRate = RangedInteger<ByteRateForm>
/// The place of a host in the waves of a release.
public typealias UpdateSeed = RangedInteger<UpdateSeedForm>
