import FoundationEssentials

extension Release {
    /// Largest `release.json` that is read, in bytes.
    public static let sizeLimit = 1 << 20

    /// Reads a `release.json` and checks it.
    ///
    /// - Throws: `ReleaseManifestError` for what is not JSON, has another format, or has impossible values.
    public init(decoding bytes: [UInt8]) throws(ReleaseManifestError) {
        guard bytes.count <= Self.sizeLimit else {
            throw .tooLarge(size: bytes.count, limit: Self.sizeLimit)
        }
        let decoder = JSONDecoder()
        do {
            let data = Data(bytes)
            // The format comes first, so that a later one is named as such and not as a missing key.
            let format = try decoder.decode(Format.self, from: data).formatVersion
            guard format == Self.currentFormat else {
                throw ReleaseManifestError.unsupportedFormat(version: format)
            }
            self = try decoder.decode(Release.self, from: data)
        } catch let error as ReleaseManifestError {
            throw error
        } catch let error as DecodingError {
            throw Self.malformed(error)
        } catch {
            throw .malformed(path: "", reason: "it is not JSON")
        }
        try validate()
    }

    /// The canonical text: keys sorted, indented, a newline at the end; the same bytes for the same value.
    ///
    /// - Throws: `ReleaseManifestError.badValue` if the value would not be accepted when read.
    public func encoded() throws(ReleaseManifestError) -> [UInt8] {
        try validate()
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        do {
            return try Array(encoder.encode(self)) + [0x0A]
        } catch {
            throw .notEncodable(reason: "\(error)")
        }
    }

    private struct Format: Decodable {
        let formatVersion: Int
    }

    private static func malformed(_ error: DecodingError) -> ReleaseManifestError {
        let context: DecodingError.Context
        var reason: String
        var last: (any CodingKey)?
        switch error {
        case .keyNotFound(let key, let inner):
            (context, reason, last) = (inner, "the key is missing", key)
        case .valueNotFound(_, let inner):
            (context, reason) = (inner, "the value is missing")
        case .typeMismatch(let type, let inner):
            (context, reason) = (inner, "the value is not a \(type)")
        case .dataCorrupted(let inner):
            (context, reason) = (inner, String(inner.debugDescription.prefix(200)))
        @unknown default:
            return .malformed(path: "", reason: "it is not JSON of the right shape")
        }
        if context.codingPath.isEmpty, last == nil {
            // Foundation says no more, and not where, for a number that its Swift type cannot hold.
            reason = "it is not JSON, or has a number that is negative, not whole or too large"
        }
        let path = context.codingPath + (last.map { [$0] } ?? [])
        return .malformed(path: path.map(\.stringValue).joined(separator: "."), reason: reason)
    }
}
