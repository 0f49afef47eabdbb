public import JSON

extension JSONValue {
    /// Reads a TOML 1.0 document: tables become objects, everything else what JSON has for it.
    ///
    /// Dates and times become their RFC 3339 text; numbers that JSON does not have (`inf`, `nan`) are faults.
    ///
    /// - Parameters:
    ///   - bytes: the document, in UTF-8.
    ///   - limits: how long, deep and rich it may be.
    /// - Throws: `TOMLError` with the place of the first fault.
    public init(parsingTOML bytes: some Sequence<UInt8>, limits: JSONLimits = JSONLimits()) throws(TOMLError)
    {
        // One byte more than allowed is enough to know that there are too many.
        let scanner = TOMLScanner(bytes: Array(bytes.prefix(min(max(limits.bytes, 0), .max - 1) + 1)))
        guard scanner.bytes.count <= limits.bytes else {
            throw scanner.fault(.tooLong(limit: limits.bytes))
        }
        try scanner.checkUTF8()
        var parser = TOMLParser(scanner: scanner, limits: limits)
        self = try parser.document()
    }

    /// Reads a TOML 1.0 document from text.
    ///
    /// - Throws: `TOMLError` with the place of the first fault.
    public init(parsingTOML text: String, limits: JSONLimits = JSONLimits()) throws(TOMLError) {
        try self.init(parsingTOML: text.utf8, limits: limits)
    }
}
