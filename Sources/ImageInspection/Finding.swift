/// Something that is wrong, or worth knowing, about an image.
public struct Finding: Sendable, Hashable, Codable, CustomStringConvertible {
    /// How bad a finding is.
    public enum Severity: String, Sendable, Codable, Comparable, CaseIterable {
        /// Nothing is wrong.
        case note
        /// Something is not as Bulkhead makes it, or could not be checked, and the image may still work.
        case warning
        /// The image is damaged or contradicts itself.
        case error

        private var rank: Int {
            switch self {
            case .note: 0
            case .warning: 1
            case .error: 2
            }
        }

        /// Whether the left one is less bad.
        public static func < (left: Severity, right: Severity) -> Bool { left.rank < right.rank }
    }

    /// How bad it is.
    public let severity: Severity
    /// What kind of thing it is, for programs: `gpt`, `esp`, `boot-entry`, `verity`, `root`, `checksum`, `release`
    /// or `packages`.
    public let area: String
    /// Where it is: a file, a partition, a boot entry.
    public let place: String
    /// What is wrong, with the values, and what to do about it.
    public let message: String

    /// States a finding.
    public init(_ severity: Severity, area: String, place: String, _ message: String) {
        self.severity = severity
        self.area = area
        self.place = place
        self.message = message
    }

    /// The finding as a line.
    public var description: String { "\(severity.rawValue): \(place): \(message)" }
}
