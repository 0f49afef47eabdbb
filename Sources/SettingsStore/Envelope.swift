import Hashing
import JSON
import SettingsModel

/// Why a file of the store does not tell what was written into it.
enum DocumentFault: Error, Equatable, CustomStringConvertible {
    /// Torn, rotten, or not ours.
    case damaged(String)
    /// Whole as far as can be told, but of a later format of files.
    case newerFormat(Int64)

    var description: String {
        switch self {
        case .damaged(let reason): reason
        case .newerFormat(let format): "it has format \(format), which a later version of the OS wrote"
        }
    }
}

/// The outer form of every file: the content and its SHA-256 digest, so that a torn or rotten file is found.
///
/// The digest is that of the content's canonical text (`JSONValue.description`).
enum Envelope {
    static let format: Int64 = 1

    static func seal(_ content: JSONValue, for what: String) throws(StoreError) -> [UInt8] {
        let digest = SHA256Digest(hashing: content.description).hex
        let envelope: JSONValue = ["content": content, "format": .integer(format), "sha256": .string(digest)]
        let bytes = Array("\(envelope)\n".utf8)
        guard bytes.count <= StoreLimits.fileBytes else {
            throw .tooMuch(
                "\(what) would take \(bytes.count) bytes of \(StoreLimits.fileBytes): delete settings or set less"
            )
        }
        return bytes
    }

    static func open(_ bytes: [UInt8]) throws(DocumentFault) -> JSONValue {
        // As many values as the file could hold: whatever was written is read.
        let limits = JSONLimits(bytes: StoreLimits.fileBytes, depth: 128, values: StoreLimits.fileBytes)
        let envelope: JSONValue
        do {
            envelope = try JSONValue(parsing: bytes, limits: limits)
        } catch {
            throw .damaged(error.description)
        }
        if let format = envelope["format"]?.integer, format > Self.format { throw .newerFormat(format) }
        guard envelope["format"]?.integer == format, let content = envelope["content"],
            let digest = envelope["sha256"]?.string
        else { throw .damaged("it is not a document of the settings store") }
        guard SHA256Digest(hashing: content.description).hex == digest else {
            throw .damaged("its digest is not that of its content")
        }
        return content
    }
}

extension SettingsDocument {
    /// The values under the texts of their keys: unlike `json`, it says without the model where a key ends.
    var flat: JSONValue {
        .object(Dictionary(values.map { (Self.text(of: $0.key), $0.value) }) { $1 })
    }

    init(flat json: JSONValue?) throws(DocumentFault) {
        guard let members = json?.members else { throw .damaged("a part with settings is missing") }
        self.init()
        for (text, value) in members { values[try Self.key(of: text)] = value }
    }

    /// The text of a key, or, for one that would be read otherwise, its segments as a JSON array.
    static func text(of key: SettingKey) -> String {
        let text = key.description
        if (try? SettingKey(parsing: text)) == key { return text }
        return JSONValue.array(key.segments.map { .string($0) }).description
    }

    static func key(of text: String) throws(DocumentFault) -> SettingKey {
        do {
            guard text.hasPrefix("[") else { return try SettingKey(parsing: text) }
            let segments = try JSONValue(parsing: text).elements ?? []
            return SettingKey(segments.compactMap(\.string))
        } catch {
            throw .damaged("'\(text.prefix(60))' is not the key of a setting")
        }
    }
}
