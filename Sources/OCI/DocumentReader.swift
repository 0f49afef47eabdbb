internal import JSON

/// Reads members of a JSON object of an image, and says where one is not what it must be.
struct DocumentReader {
    /// What the document is, in messages.
    let document: String
    /// Where in the document the object is: "" for all of it, or a path that ends with a dot.
    let place: String
    let members: [String: JSONValue]

    /// Reads a whole document.
    ///
    /// - Throws: `OCIError.badDocument`.
    init(_ document: String, parsing bytes: [UInt8], limit: Int) throws(OCIError) {
        let json: JSONValue
        do throws(JSONError) {
            json = try JSONValue(parsing: bytes, limits: JSONLimits(bytes: limit, values: 100_000))
        } catch {
            throw .badDocument(document, reason: "it is not JSON that can be read: \(error)")
        }
        try self.init(document, "", json)
    }

    private init(_ document: String, _ place: String, _ json: JSONValue) throws(OCIError) {
        guard let members = json.members else {
            let what = place.isEmpty ? "it" : "'\(place.dropLast())'"
            throw .badDocument(document, reason: "\(what) is no object, but a JSON \(json.kind)")
        }
        (self.document, self.place, self.members) = (document, place, members)
    }

    /// A member; nil where it is missing or null, which Go's writers use for each other.
    private func member(_ name: String) -> JSONValue? {
        let value = members[name]
        return value == JSONValue.null ? nil : value
    }

    func has(_ name: String) -> Bool { member(name) != nil }

    func wrong(_ name: String, _ reason: String) -> OCIError {
        .badDocument(document, reason: "'\(place)\(name)' \(reason)")
    }

    func optionalText(_ name: String) throws(OCIError) -> String? {
        guard let value = member(name) else { return nil }
        guard let text = value.string else { throw wrong(name, "is no text") }
        return text
    }

    func text(_ name: String) throws(OCIError) -> String {
        guard let text = try optionalText(name), !text.isEmpty else { throw wrong(name, "is missing") }
        return text
    }

    func texts(_ name: String) throws(OCIError) -> [String]? {
        guard let value = member(name) else { return nil }
        guard let elements = value.elements else { throw wrong(name, "is no list") }
        var texts: [String] = []
        for element in elements {
            guard let text = element.string else { throw wrong(name, "has an element that is no text") }
            texts.append(text)
        }
        return texts
    }

    /// A map of texts; empty where it is missing.
    func map(_ name: String) throws(OCIError) -> [String: String] {
        guard let value = member(name) else { return [:] }
        guard let members = value.members else { throw wrong(name, "is no object") }
        var map: [String: String] = [:]
        for (key, value) in members {
            guard let text = value.string else { throw wrong(name, "has a member that is no text") }
            map[key] = text
        }
        return map
    }

    func digest(_ name: String) throws(OCIError) -> ContentDigest {
        let text = try text(name)
        do { return try ContentDigest(parsing: text) } catch { throw wrong(name, "is wrong: \(error)") }
    }

    func size(_ name: String) throws(OCIError) -> Int64 {
        guard let size = member(name)?.integer, size >= 0 else {
            throw wrong(name, "is no number of bytes")
        }
        return size
    }

    func object(_ name: String) throws(OCIError) -> DocumentReader? {
        guard let value = member(name) else { return nil }
        return try DocumentReader(document, "\(place)\(name).", value)
    }

    func objects(_ name: String) throws(OCIError) -> [DocumentReader] {
        guard let elements = member(name)?.elements else { throw wrong(name, "is no list") }
        var readers: [DocumentReader] = []
        for (index, element) in elements.enumerated() {
            readers.append(try DocumentReader(document, "\(place)\(name)[\(index)].", element))
        }
        return readers
    }

    /// Refuses another version of the format, and a document that is two kinds at once.
    ///
    /// Readers that disagree on what a document is verify one thing and run another (CVE-2021-41190).
    func checkKind(_ isKind: (String) -> Bool, without others: [String]) throws(OCIError) -> String? {
        guard member("schemaVersion") == .integer(2) else {
            throw wrong("schemaVersion", "is not 2: images of Docker's first format are not supported")
        }
        for name in others where has(name) {
            throw wrong(name, "has no place here: the document is two kinds at once")
        }
        let type = try optionalText("mediaType")
        if let type, !isKind(type) { throw wrong("mediaType", "is '\(printable(type))'") }
        return type
    }
}
