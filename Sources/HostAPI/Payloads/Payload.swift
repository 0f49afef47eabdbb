public import JSON

/// The content of a request or an answer: a Swift value, its JSON, and its JSON Schema in one place.
///
/// Reading is strict about what is named: a missing member, another type, or a number out of range is an error. Members
/// that are not known are passed over, so that an older client reads the answers of a newer host.
public protocol Payload: Sendable, Equatable {
    /// The name in the OpenAPI document.
    static var schemaName: String { get }
    /// The form, as JSON Schema (2020-12).
    static var schema: JSONValue { get }

    /// Reads the value.
    ///
    /// - Throws: `PayloadError` with the place and what is wrong there.
    init(json: JSONValue) throws(PayloadError)

    /// The value as JSON; reading it gives the value again.
    var json: JSONValue { get }
}

extension Payload {
    /// A reference to the schema in the OpenAPI document.
    public static var reference: JSONValue { ["$ref": .string("#/components/schemas/\(schemaName)")] }
}

/// Why JSON is not the payload that it should be.
public struct PayloadError: Error, Equatable, CustomStringConvertible {
    /// Where: `problems[2].key`; empty for the whole document.
    public let place: String
    /// What was expected there, and what was found.
    public let reason: String

    /// An error.
    public init(place: String, reason: String) {
        self.place = place
        self.reason = reason
    }

    /// Where and what.
    public var description: String { place.isEmpty ? reason : "\(place): \(reason)" }
}
