internal import JSON

/// Reads the members of one JSON object and remembers where in the document it is.
struct PayloadReader {
    let members: [String: JSONValue]
    let place: String

    init(_ json: JSONValue, at place: String = "") throws(PayloadError) {
        guard let members = json.members else {
            throw PayloadError(place: place, reason: "must be an object, not \(json.kind)")
        }
        self.members = members
        self.place = place
    }

    /// Refuses members that are not known: for what clients send.
    func refuseOthers(than names: [String]) throws(PayloadError) {
        guard let other = members.keys.filter({ !names.contains($0) }).min() else { return }
        throw PayloadError(
            place: path(String(other.prefix(60))),
            reason: "there is no such member; here there is: \(names.joined(separator: ", "))"
        )
    }

    func value(_ name: String) throws(PayloadError) -> JSONValue {
        guard let value = members[name] else { throw PayloadError(place: path(name), reason: "is missing") }
        return value
    }

    func text(_ name: String) throws(PayloadError) -> String {
        guard let text = try value(name).string else { throw wrong(name, "a string") }
        return text
    }

    func bool(_ name: String) throws(PayloadError) -> Bool {
        guard let bool = try value(name).bool else { throw wrong(name, "true or false") }
        return bool
    }

    func integer<Number: FixedWidthInteger>(_ name: String, _ range: ClosedRange<Number>) throws(PayloadError)
        -> Number
    {
        guard let number = try value(name).integer.flatMap({ Number(exactly: $0) }), range.contains(number)
        else {
            throw wrong(name, "a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    func time(_ name: String) throws(PayloadError) -> Timestamp {
        guard let time = Timestamp(try text(name)) else {
            throw wrong(name, "a time such as 2026-01-31T12:00:00Z (RFC 3339)")
        }
        return time
    }

    func choice<Word: RawRepresentable & CaseIterable>(_ name: String, _ type: Word.Type) throws(PayloadError)
        -> Word
    where Word.RawValue == String {
        guard let word = Word(rawValue: try text(name)) else {
            throw wrong(name, "one of: \(type.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return word
    }

    func texts(_ name: String) throws(PayloadError) -> [String] {
        guard let elements = try value(name).elements else { throw wrong(name, "a list of strings") }
        var texts: [String] = []
        for (index, element) in elements.enumerated() {
            guard let text = element.string else {
                throw PayloadError(
                    place: "\(path(name))[\(index)]",
                    reason: "must be a string, not \(element.kind)"
                )
            }
            texts.append(text)
        }
        return texts
    }

    func list<Element>(_ name: String, _ read: (PayloadReader) throws(PayloadError) -> Element)
        throws(PayloadError) -> [Element]
    {
        guard let elements = try value(name).elements else { throw wrong(name, "a list") }
        var result: [Element] = []
        for (index, element) in elements.enumerated() {
            result.append(try read(PayloadReader(element, at: "\(path(name))[\(index)]")))
        }
        return result
    }

    /// An object of objects.
    func entries<Element>(_ read: (PayloadReader) throws(PayloadError) -> Element)
        throws(PayloadError) -> [String: Element]
    {
        var result: [String: Element] = [:]
        for (name, member) in members { result[name] = try read(PayloadReader(member, at: path(name))) }
        return result
    }

    func object(_ name: String) throws(PayloadError) -> PayloadReader {
        try PayloadReader(try value(name), at: path(name))
    }

    // Members that need not be there; null counts as not being there.

    private func has(_ name: String) -> Bool { members[name].map { $0 != .null } ?? false }

    func optionalValue(_ name: String) -> JSONValue? { has(name) ? members[name] : nil }

    func optionalText(_ name: String) throws(PayloadError) -> String? { has(name) ? try text(name) : nil }

    func optionalInteger<Number: FixedWidthInteger>(_ name: String, _ range: ClosedRange<Number>)
        throws(PayloadError) -> Number?
    {
        has(name) ? try integer(name, range) : nil
    }

    func optionalTexts(_ name: String) throws(PayloadError) -> [String] { has(name) ? try texts(name) : [] }

    func optionalList<Element>(_ name: String, _ read: (PayloadReader) throws(PayloadError) -> Element)
        throws(PayloadError) -> [Element]
    {
        has(name) ? try list(name, read) : []
    }

    func optionalObject(_ name: String) throws(PayloadError) -> PayloadReader? {
        has(name) ? try object(name) : nil
    }

    func wrong(_ name: String, _ expected: String) -> PayloadError {
        let found = members[name].map { value in
            let text = value.description
            return text.count <= 60 ? text : text.prefix(57) + "..."
        }
        return PayloadError(place: path(name), reason: "must be \(expected), not \(found ?? "missing")")
    }

    private func path(_ name: String) -> String { place.isEmpty ? name : "\(place).\(name)" }
}
