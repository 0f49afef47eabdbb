internal import JSON
public import SettingsModel

/// What the value of a parameter of a query or a path may be.
public enum ParameterForm: Sendable, Equatable {
    /// Any text of 1 to `maximumLength` bytes.
    case text(maximumLength: Int)
    /// The name of a transaction: 1 to 64 letters, digits, '-', '_' and '.'.
    case transaction
    /// Keys of settings, separated by commas; a comma in double quotes belongs to the key.
    case keys
    /// Names without commas, separated by commas.
    case names
    /// A whole number.
    case integer(ClosedRange<Int64>)
    /// `true` or `false`.
    case boolean
    /// One of a few words.
    case choice([String])
}

/// The value of a parameter, checked against its form.
public enum ParameterValue: Sendable, Equatable {
    case text(String)
    case keys([SettingKey])
    case names([String])
    case integer(Int64)
    case boolean(Bool)
}

extension ParameterForm {
    /// The longest value of a parameter of more than one part, in bytes.
    static let maximumListLength = 16 << 10

    /// What is allowed, as the end of a message.
    public var allowed: String {
        switch self {
        case .text(let length): "1 to \(length) bytes of text"
        case .transaction: "1 to 64 letters, digits, '-', '_' and '.'"
        case .keys: "keys of settings, separated by commas"
        case .names: "names, separated by commas"
        case .integer(let range): "a whole number from \(range.lowerBound) to \(range.upperBound)"
        case .boolean: "true or false"
        case .choice(let words): "one of: \(words.joined(separator: ", "))"
        }
    }

    /// What is allowed, as JSON Schema; the value of a list is the array of its parts.
    var schema: JSONValue {
        switch self {
        case .text(let length): ["type": "string", "minLength": 1, "maxLength": .integer(Int64(length))]
        case .transaction: ["type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"]
        case .keys:
            [
                "type": "array", "minItems": 1,
                "items": [
                    "type": "string", "minLength": 1, "maxLength": .integer(Int64(SettingKey.maximumLength)),
                    "pattern": #"^([A-Za-z0-9_-]+|"[^"]+")(\.([A-Za-z0-9_-]+|"[^"]+"))*$"#,
                ],
            ]
        case .names:
            ["type": "array", "minItems": 1, "items": ["type": "string", "pattern": "^[^,]+$"]]
        case .integer(let range):
            [
                "type": "integer", "minimum": .integer(range.lowerBound),
                "maximum": .integer(range.upperBound),
            ]
        case .boolean: ["type": "boolean"]
        case .choice(let words): ["type": "string", "enum": .strings(words)]
        }
    }

    /// Whether the value has parts that are separated by commas.
    var isList: Bool { self == .keys || self == .names }

    /// Reads a value; nil, with what is wrong or allowed, when it does not have the form.
    func read(_ text: String) -> Result<ParameterValue, Refusal> {
        switch self {
        case .text(let length):
            guard (1...length).contains(text.utf8.count) else { return .failure(Refusal(allowed)) }
            return .success(.text(text))
        case .transaction:
            guard Self.isTransactionName(text) else { return .failure(Refusal(allowed)) }
            return .success(.text(text))
        case .keys:
            guard text.utf8.count <= Self.maximumListLength else { return .failure(Refusal(allowed)) }
            var keys: [SettingKey] = []
            for part in Self.splitOutsideQuotes(text) {
                do throws(InvalidKey) {
                    keys.append(try SettingKey(parsing: part))
                } catch {
                    return .failure(Refusal(error.description))
                }
            }
            return .success(.keys(keys))
        case .names:
            let names = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            guard text.utf8.count <= Self.maximumListLength, names.allSatisfy({ !$0.isEmpty }) else {
                return .failure(Refusal(allowed))
            }
            return .success(.names(names))
        case .integer(let range):
            // Swift also reads "+5"; nobody else does.
            guard text.first != "+", let number = Int64(text), range.contains(number) else {
                return .failure(Refusal(allowed))
            }
            return .success(.integer(number))
        case .boolean:
            guard text == "true" || text == "false" else { return .failure(Refusal(allowed)) }
            return .success(.boolean(text == "true"))
        case .choice(let words):
            guard words.contains(text) else { return .failure(Refusal(allowed)) }
            return .success(.text(text))
        }
    }

    /// Why a value is not read.
    struct Refusal: Error, Equatable {
        var allowed: String
        init(_ allowed: String) { self.allowed = allowed }
    }

    private static func isTransactionName(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy {
                switch $0 {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
                    UInt8(ascii: "."):
                    true
                default: false
                }
            }
    }

    private static func splitOutsideQuotes(_ text: String) -> [String] {
        var parts = [""]
        var isQuoted = false
        for scalar in text.unicodeScalars {
            if scalar == "," && !isQuoted {
                parts.append("")
                continue
            }
            if scalar == "\"" { isQuoted.toggle() }
            parts[parts.count - 1].unicodeScalars.append(scalar)
        }
        return parts
    }
}
