/// Why bytes are no message, or not the wanted one.
///
/// Offsets count from the first byte of the outermost message.
public enum ProtobufError: Error, Equatable, CustomStringConvertible {
    /// The bytes end inside a field.
    case truncated(offset: Int)
    /// A number of variable length does not end within the ten bytes that 64 bits need.
    case endlessNumber(offset: Int)
    /// A field's number is 0 or above 536,870,911.
    case fieldNumber(UInt64, offset: Int)
    /// A field has a form that we do not read: groups (3 and 4), which proto3 does not have, or none at all (6 and 7).
    case form(UInt8, offset: Int)
    /// A field has another form than its type has.
    case unexpectedForm(found: String, wanted: String)
    /// A text is not UTF-8.
    case notUTF8
    /// Messages inside messages beyond the limit.
    case tooDeep(limit: Int)
    /// An `Any` holds another type.
    case otherType(found: String, wanted: String)

    /// What is wrong, where, and what it means.
    public var description: String {
        switch self {
        case .truncated(let offset):
            "the message ends inside the field at byte \(offset); its sender or the connection broke off"
        case .endlessNumber(let offset):
            "the number at byte \(offset) has more than 64 bits; these bytes are no protobuf message"
        case .fieldNumber(let number, let offset):
            "the field at byte \(offset) has number \(number), which no field can have; these bytes are no protobuf message"
        case .form(let form, let offset):
            "the field at byte \(offset) has wire type \(form), which is not read; these bytes are no proto3 message"
        case .unexpectedForm(let found, let wanted):
            "a field holds \(found) instead of \(wanted); sender and reader have different definitions of the message"
        case .notUTF8:
            "a text in the message is not UTF-8; sender and reader have different definitions of the message"
        case .tooDeep(let limit):
            "messages lie inside each other more than \(limit) deep; no message of a working sender does"
        case .otherType(let found, let wanted):
            "the message holds \(found) instead of \(wanted); sender and reader do not mean the same protocol"
        }
    }
}
