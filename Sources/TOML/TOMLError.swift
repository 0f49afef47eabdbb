/// Why bytes are not a TOML document that settings can come from.
public struct TOMLError: Error, Equatable, CustomStringConvertible {
    /// What is wrong with the document.
    public enum Reason: Sendable, Equatable {
        /// Longer than the limit, in bytes.
        case tooLong(limit: Int)
        /// Tables and arrays are nested deeper than the limit.
        case tooDeep(limit: Int)
        /// More values than the limit.
        case tooManyValues(limit: Int)
        /// Not UTF-8.
        case invalidUTF8
        /// A key or table is there already, or is a value of another kind.
        case duplicateKey(String)
        /// A number that JSON can't hold: beyond 64 bits, infinite or not a number.
        case numberOutOfRange(String)
        /// A date or time that no calendar or clock shows.
        case invalidTime(String)
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
        case .tooLong(let limit): "the TOML document is longer than \(limit) bytes: send less at once"
        case .tooDeep(let limit): "\(place): tables and arrays are nested deeper than \(limit) levels"
        case .tooManyValues(let limit):
            "\(place): the document has more than \(limit) values: send less at once"
        case .invalidUTF8: "\(place): the text is not valid UTF-8; save the file in that encoding"
        case .duplicateKey(let key):
            "\(place): '\(key)' is set twice, or was something else than a table before: keep one of them"
        case .numberOutOfRange(let text):
            "\(place): the number \(text) is out of range: write a finite number of at most 64 bits"
        case .invalidTime(let text): "\(place): there is no such date or time as \(text)"
        case .expected(let what): "\(place): expected \(what)"
        }
    }
}
