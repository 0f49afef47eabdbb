public import JSON

/// A function that templates may call.
public struct Helper: Sendable {
    /// What a helper does: a value from arguments; nil where the result is not set.
    public typealias Body = @Sendable (HelperArguments) throws(HelperError) -> JSONValue?

    /// How many arguments it takes.
    public let arguments: ClosedRange<Int>
    /// The names of the options it takes (`name=value`).
    public let options: Set<String>
    let body: Body

    /// A helper.
    ///
    /// - Parameters:
    ///   - arguments: how many arguments it takes.
    ///   - options: the names of its options.
    ///   - body: the function; it is pure, or at least gives the same result for the same arguments.
    public init(_ arguments: ClosedRange<Int>, options: Set<String> = [], _ body: @escaping Body) {
        self.arguments = arguments
        self.options = options
        self.body = body
    }

    /// A helper with a fixed number of arguments.
    public init(_ count: Int, _ body: @escaping Body) { self.init(count...count, body) }
}

/// Why a helper refuses its arguments.
public struct HelperError: Error, Equatable, CustomStringConvertible {
    /// What is wrong and what is needed; without the value, which may be a secret.
    public let reason: String

    /// A refusal.
    public init(_ reason: String) { self.reason = reason }

    /// What is wrong and what is needed.
    public var description: String { reason }
}

/// What a helper is called with.
public struct HelperArguments: Sendable {
    /// The values, in order; nil for settings that are not set.
    public internal(set) var values: [JSONValue?] = []
    /// How the arguments are written in the template.
    public internal(set) var names: [String] = []
    /// The options that are given and set.
    public internal(set) var options: [String: JSONValue] = [:]

    /// Arguments without names, for tests of helpers.
    public init(_ values: [JSONValue?] = [], options: [String: JSONValue] = [:]) {
        self.values = values
        names = values.indices.map { "argument \($0 + 1)" }
        self.options = options
    }

    /// The value of an argument; nil where it is not set.
    public subscript(_ index: Int) -> JSONValue? { values.indices.contains(index) ? values[index] : nil }

    /// How an argument is named in an error.
    public func name(_ index: Int) -> String {
        names.indices.contains(index) ? "'\(names[index])'" : "argument \(index + 1)"
    }

    /// An argument that must be a text.
    public func text(_ index: Int) throws(HelperError) -> String {
        guard let text = self[index]?.string else { throw refusal(index, "a text") }
        return text
    }

    /// An argument that must be a text, number or truth value; nil when it is not set.
    public func scalar(_ index: Int) throws(HelperError) -> String? {
        guard let value = self[index] else { return nil }
        guard let text = value.scalarText else { throw refusal(index, "a text, number or truth value") }
        return text
    }

    /// An argument that must be a list; empty when it is not set.
    public func list(_ index: Int) throws(HelperError) -> [JSONValue] {
        guard let value = self[index] else { return [] }
        guard let elements = value.elements else { throw refusal(index, "a list") }
        return elements
    }

    /// An argument that must be a list of texts; empty when it is not set.
    public func texts(_ index: Int) throws(HelperError) -> [String] {
        let texts = try list(index).map(\.string)
        let known = texts.compactMap { $0 }
        guard known.count == texts.count else { throw refusal(index, "a list of texts") }
        return known
    }

    /// An argument that must be an object; empty when it is not set.
    public func members(_ index: Int) throws(HelperError) -> [String: JSONValue] {
        guard let value = self[index] else { return [:] }
        guard let members = value.members else { throw refusal(index, "an object") }
        return members
    }

    /// The error for an argument that is of another kind than the helper needs, or not set.
    public func refusal(_ index: Int, _ expected: String) -> HelperError {
        let given = self[index].map { "of the kind '\($0.kind)'" } ?? "not set"
        return HelperError("\(name(index)) must be \(expected), and is \(given)")
    }
}

/// The helpers that templates may call, by name.
public struct HelperSet: Sendable {
    private var helpers: [String: Helper] = [:]

    /// No helpers.
    public init() {}

    /// A helper; setting one adds or replaces it.
    public subscript(_ name: String) -> Helper? {
        get { helpers[name] }
        set { helpers[name] = newValue }
    }

    /// The names of all helpers.
    public var names: Set<String> { Set(helpers.keys) }

    /// The helpers that need nothing from the host.
    public static let standard: HelperSet = {
        var set = HelperSet()
        for family in [
            logicHelpers, joiningHelpers, encodingHelpers, networkHelpers, kubernetesHelpers, ociHelpers,
            registryHelpers, bootHelpers, certificateHelpers,
        ] {
            set.helpers.merge(family) { $1 }
        }
        return set
    }()

    /// The standard helpers, and those that need facts of the host.
    ///
    /// - Parameters:
    ///   - processors: how many processors the host has, for `kube_reserve_cpu`.
    ///   - readFile: gives the text of a file of the image; for `file_contents`, which asks for paths below /usr only.
    public static func host(
        processors: Int,
        readFile: @escaping @Sendable (String) throws(HelperError) -> String
    ) -> HelperSet {
        var set = standard
        set["kube_reserve_cpu"] = kubeReserveCPU(processors: processors)
        set["file_contents"] = fileContents(readFile)
        return set
    }
}
