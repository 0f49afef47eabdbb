internal import Gzip
public import JSON
internal import SettingsModel
internal import TOML

/// The settings in user data, not checked against the model yet.
public enum UserDataDocument {
    private static let root = "settings"
    private static let byteOrderMark: [UInt8] = [0xef, 0xbb, 0xbf]

    /// Reads TOML or JSON, either of them possibly compressed by gzip.
    ///
    /// The settings lie below a table `settings`, as in Bottlerocket's user data, or are the whole document.
    ///
    /// - Returns: an object of groups of settings, and the names beside `settings`, which are none.
    /// - Throws: `UserDataError` when there is too much, or the text is neither TOML nor JSON.
    public static func settings(in content: UserDataContent) throws(UserDataError) -> (
        settings: JSONValue, strangers: [String]
    ) {
        let text = try text(in: content)
        let document = try parse(text, place: content.place)
        guard let members = document.members else {
            throw .malformed(place: content.place, reason: "it is a JSON \(document.kind), not an object")
        }
        guard let settings = members[root] else { return (document, []) }
        return (settings, members.keys.filter { $0 != root }.sorted())
    }

    private static func text(in content: UserDataContent) throws(UserDataError) -> [UInt8] {
        var bytes = content.bytes
        guard bytes.count <= UserDataLimits.bytes else { throw .tooLarge(place: content.place) }
        if Gzip.isGzip(bytes) {
            do throws(GzipError) {
                bytes = try Gzip.decompress(bytes, limit: UserDataLimits.bytes)
            } catch {
                if case .tooLarge = error { throw .tooLarge(place: content.place) }
                throw .malformed(place: content.place, reason: "\(error)")
            }
        }
        if bytes.starts(with: byteOrderMark) { bytes.removeFirst(byteOrderMark.count) }
        return bytes
    }

    private static func parse(_ bytes: [UInt8], place: String) throws(UserDataError) -> JSONValue {
        // No TOML document begins with a brace, every JSON document of settings does.
        let first = bytes.first { !" \t\r\n".utf8.contains($0) }
        if first == UInt8(ascii: "{") {
            do throws(JSONError) {
                return try JSONValue(parsing: bytes)
            } catch {
                throw .malformed(place: place, reason: "\(error)")
            }
        }
        do throws(TOMLError) {
            return try JSONValue(parsingTOML: bytes)
        } catch {
            throw .malformed(place: place, reason: "\(error)")
        }
    }
}
