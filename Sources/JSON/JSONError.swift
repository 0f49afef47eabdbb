/// Why bytes are not the JSON document that was asked for.
public struct JSONError: Error, Equatable, CustomStringConvertible {
    /// What is wrong with the document.
    public enum Reason: Sendable, Equatable {
        /// Longer than the limit, in bytes.
        case tooLong(limit: Int)
        /// Arrays and objects are nested deeper than the limit.
        case tooDeep(limit: Int)
        /// More values than the limit.
        case tooManyValues(limit: Int)
        /// Not UTF-8.
        case invalidUTF8
        /// An object names a member twice; readers would disagree on which one counts.
        ///
        /// So are names that differ in Unicode normalization only: a `JSONValue` can't hold both.
        case duplicateName(String)
        /// A number that fits neither 64 bits nor a double.
        case numberOutOfRange(String)
        /// Something else than what the grammar wants here.
        case expected(String)
    }

    /// What is wrong.
    public let reason: Reason
    /// Where: the line, from 1.
    public let line: Int
    /// Where: the byte in the line, from 1.
    public let column: Int

    /// What is wrong, where, and what to do.
    public var description: String {
        let place = "line \(line), column \(column)"
        return switch reason {
        case .tooLong(let limit): "the JSON document is longer than \(limit) bytes: send less at once"
        case .tooDeep(let limit): "\(place): arrays and objects are nested deeper than \(limit) levels"
        case .tooManyValues(let limit):
            "\(place): the document has more than \(limit) values: send less at once"
        case .invalidUTF8: "\(place): the text is not valid UTF-8"
        case .duplicateName(let name):
            "\(place): the object names \(Self.shown(name)) twice: keep one of them"
        case .numberOutOfRange(let text): "\(place): the number \(text) is out of range"
        case .expected(let what): "\(place): expected \(what)"
        }
    }

    /// A name of the document in quotes, cut, and harmless to the terminals and journals that errors end up in.
    ///
    /// `JSONValue.quoted` leaves all but the characters that JSON forbids as they are.
    private static func shown(_ name: String) -> String {
        var text = "\""
        for (index, scalar) in name.unicodeScalars.enumerated() {
            guard index < 80 else { return text + "...\"" }
            switch scalar {
            case "\"", "\\": text += "\\\(scalar)"
            case " "..."~": text.unicodeScalars.append(scalar)
            default: text += "\\u{\(String(scalar.value, radix: 16))}"
            }
        }
        return text + "\""
    }
}

/// How much a JSON document may be.
public struct JSONLimits: Sendable, Equatable {
    /// Length of the document, in bytes.
    public var bytes: Int
    /// Levels of arrays and objects inside of each other.
    public var depth: Int
    /// Values of all kinds in the document.
    public var values: Int

    /// Limits; the defaults are far above what settings need and far below what hurts a host.
    public init(bytes: Int = 4 << 20, depth: Int = 32, values: Int = 200_000) {
        self.bytes = bytes
        self.depth = depth
        self.values = values
    }
}
