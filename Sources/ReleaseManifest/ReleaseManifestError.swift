/// Why a `release.json` or `SHA256SUMS` is not accepted.
public enum ReleaseManifestError: Error, Equatable, CustomStringConvertible {
    /// The text is larger than what is read.
    case tooLarge(size: Int, limit: Int)
    /// The text is no JSON of the right shape; `path` is the key, dotted.
    case malformed(path: String, reason: String)
    /// The format is one this code does not know.
    case unsupportedFormat(version: Int)
    /// A value is outside of what its key allows, or does not agree with another one.
    case badValue(key: String, value: String, reason: String)
    /// A line of `SHA256SUMS` is not in the format of coreutils, or names a file it must not.
    case badLine(line: Int, reason: String)
    /// The value could not be written as JSON.
    case notEncodable(reason: String)

    /// What is wrong, with which value, and what to do.
    public var description: String {
        switch self {
        case .tooLarge(let size, let limit):
            return "the file has \(size) bytes and at most \(limit) are read; get it again from its publisher"
        case .malformed(let path, let reason):
            let place = path.isEmpty ? "release.json" : "release.json, key '\(path)'"
            return "\(place): \(reason); get the file again from its publisher"
        case .unsupportedFormat(let version):
            return "release.json has format \(version), and this program knows \(Release.currentFormat) only;"
                + " use a program of that release"
        case .badValue(let key, let value, let reason):
            return
                "release.json, key '\(key)', value '\(value)': \(reason); build or publish the release again"
        case .badLine(let line, let reason):
            return "SHA256SUMS, line \(line): \(reason); get the file again from its publisher"
        case .notEncodable(let reason):
            return "release.json cannot be written: \(reason)"
        }
    }
}
