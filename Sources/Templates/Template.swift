public import JSON

/// A template of a configuration file: a strict subset of Handlebars (docs/templates.md).
///
/// Strict means that a value which is not set, an unknown helper and a wrong number of arguments are errors with name,
/// line and column, never an empty place in a file. Nothing is escaped by itself: each template uses the helper that
/// encodes for its file format (`toml_encode`, `json_encode`, `env_quote`, `word` ...).
public struct Template: Sendable {
    /// The longest template, in bytes.
    public static let maximumLength = 256 << 10
    /// The longest rendered text, in bytes.
    public static let maximumOutput = 4 << 20
    /// How deep blocks, and expressions in parentheses, may be nested.
    public static let maximumDepth = 32
    /// How many pieces of the template may be rendered, each turn of a loop counted.
    public static let maximumSteps = 1_000_000

    /// The name, for errors.
    public let name: String
    /// The settings that the template reads, as paths below `settings`, each once, in order of their text.
    ///
    /// Inside of `{{#each}}` and `{{#with}}` the path of the collection stands before the names that are read from it.
    /// A setting is read with everything inside of it when a path ends there.
    public let paths: [[String]]
    /// Paths that do not begin at `settings`, such as those of `os`.
    public let otherPaths: [[String]]
    /// The names of the helpers it calls.
    public let helpers: Set<String>

    let nodes: [Node]

    /// Reads a template.
    ///
    /// - Parameters:
    ///   - text: the text of the template.
    ///   - name: its name, for errors.
    /// - Throws: `TemplateError` with the place of the first fault.
    public init(parsing text: String, name: String) throws(TemplateError) {
        var parser = try TemplateParser(text: text, name: name)
        nodes = try parser.template()
        self.name = name
        let all = parser.paths.sorted { $0.lexicographicallyPrecedes($1) }
        paths = all.filter { $0.first == "settings" }.map { Array($0.dropFirst()) }
        otherPaths = all.filter { $0.first != "settings" }
        helpers = parser.helpers
    }

    /// Renders the template.
    ///
    /// - Parameters:
    ///   - context: an object, with the settings under `settings`.
    ///   - helpers: the helpers that the template may call.
    /// - Throws: `TemplateError` with the place in the template.
    public func render(context: JSONValue, helpers: HelperSet = .standard) throws(TemplateError) -> String {
        var renderer = Renderer(template: name, root: context, helpers: helpers)
        try renderer.render(nodes)
        return renderer.output
    }
}
