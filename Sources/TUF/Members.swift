import Hashing
import JSON

/// Takes the members of a JSON object apart, with errors that name the role and the place.
///
/// What is not taken stays in `rest`: TUF's readers keep members that they do not know.
struct Members {
    private let role: String
    private let place: String
    private(set) var rest: [String: JSONValue]

    init(_ value: JSONValue?, role: String, place: String) throws(TUFError) {
        guard let members = value?.members else {
            throw .malformed(role: role, reason: "'\(shown(place))' is not an object")
        }
        self.role = role
        self.place = place
        rest = members
    }

    func fault(_ name: String, _ reason: String) -> TUFError {
        .malformed(role: role, reason: "'\(shown(place)).\(shown(name))' \(reason)")
    }

    /// Takes a member as it is; nil when there is none.
    mutating func take(_ name: String) -> JSONValue? { rest.removeValue(forKey: name) }

    mutating func string(_ name: String) throws(TUFError) -> String {
        guard let string = take(name)?.string else { throw fault(name, "is not a string") }
        return string
    }

    mutating func bool(_ name: String) throws(TUFError) -> Bool {
        guard let bool = take(name)?.bool else { throw fault(name, "is neither true nor false") }
        return bool
    }

    /// Takes a whole number of at least a minimum.
    mutating func integer(_ name: String, atLeast minimum: Int64) throws(TUFError) -> Int64 {
        guard let integer = take(name)?.integer, integer >= minimum else {
            throw fault(name, "is not a whole number of at least \(minimum)")
        }
        return integer
    }

    mutating func optionalInteger(_ name: String, atLeast minimum: Int64) throws(TUFError) -> Int64? {
        rest[name] == nil ? nil : try integer(name, atLeast: minimum)
    }

    mutating func object(_ name: String) throws(TUFError) -> [String: JSONValue] {
        guard let members = take(name)?.members else { throw fault(name, "is not an object") }
        return members
    }

    mutating func array(_ name: String) throws(TUFError) -> [JSONValue] {
        guard let elements = take(name)?.elements else { throw fault(name, "is not an array") }
        return elements
    }

    mutating func strings(_ name: String) throws(TUFError) -> [String] {
        let elements = try array(name)
        let strings = elements.compactMap(\.string)
        guard strings.count == elements.count else {
            throw fault(name, "holds something that is not a string")
        }
        return strings
    }

    /// Takes an object of texts, of which at least one is there.
    mutating func hashes(_ name: String) throws(TUFError) -> [String: String] {
        let members = try object(name)
        let hashes = members.compactMapValues(\.string)
        guard hashes.count == members.count, !hashes.isEmpty,
            hashes.values.allSatisfy({ Hex.decode($0) != nil })
        else {
            throw fault(name, "is not an object of hexadecimal hashes")
        }
        return hashes
    }
}
