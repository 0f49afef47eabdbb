/// The arguments of a step, parsed by hand: a parser library would cost the host more than it gives.
struct Options {
    private var rest: [String]

    /// The arguments behind the name of the step.
    init(_ arguments: [String]) { rest = arguments }

    /// Whether a flag such as `--again` is there; takes it away.
    mutating func flag(_ name: String) -> Bool {
        let count = rest.count
        rest.removeAll { $0 == name }
        return rest.count < count
    }

    /// The value of an option, given as `--name VALUE` or `--name=VALUE`; nil if it is not given.
    ///
    /// - Throws: `UsageError` when the value is missing, or the option is there twice.
    mutating func value(_ name: String) throws(UsageError) -> String? {
        var result: String?
        var others: [String] = []
        var index = 0
        while index < rest.count {
            let argument = rest[index]
            index += 1
            var value: String?
            if argument == name {
                guard index < rest.count else { throw UsageError("\(name) needs a value") }
                value = rest[index]
                index += 1
            } else if argument.hasPrefix(name + "=") {
                value = String(argument.dropFirst(name.count + 1))
            } else {
                others.append(argument)
            }
            if let value {
                guard result == nil else { throw UsageError("\(name) is given twice") }
                result = value
            }
        }
        rest = others
        return result
    }

    /// The value of an option, or what it is without being given.
    mutating func value(_ name: String, default value: String) throws(UsageError) -> String {
        try self.value(name) ?? value
    }

    /// The next argument that is no option; nil if there is none.
    mutating func operand() -> String? {
        guard let index = rest.firstIndex(where: { !$0.hasPrefix("-") }) else { return nil }
        return rest.remove(at: index)
    }

    /// Makes sure that nothing is left.
    ///
    /// - Throws: `UsageError` that names what is.
    func end() throws(UsageError) {
        guard rest.isEmpty else { throw UsageError("unknown arguments: \(rest.joined(separator: " "))") }
    }
}

/// Arguments that a step does not take: the process ends with 2.
struct UsageError: Error, Equatable, CustomStringConvertible {
    /// What is wrong with them.
    let description: String

    init(_ description: String) { self.description = description }
}

/// Why a step could not do its work: the process ends with 1.
struct StepError: Error, Equatable, CustomStringConvertible {
    /// What is wrong and what to do.
    let description: String

    init(_ description: String) { self.description = description }
}
