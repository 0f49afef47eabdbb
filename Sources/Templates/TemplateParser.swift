internal import JSON

/// Builds the tree of a template from its pieces, and notes which values it reads.
struct TemplateParser {
    private let source: SourceText
    private var pieces: [Piece]
    private var next = 0
    /// How many blocks are open.
    private var depth = 0
    /// The absolute paths of all values that are read.
    private(set) var paths: Set<[String]> = []
    /// The names of the helpers that are called.
    private(set) var helpers: Set<String> = []

    /// What is known about names while the template is read: where `this` and the names of blocks come from.
    private struct Scope {
        /// The absolute path of `this`; nil where it is the result of a helper.
        var path: [String]?
        /// The absolute paths of the names that the block gives.
        var names: [String: [String]?] = [:]
        /// Whether the block has `@key` and its like.
        var isLoop = false
    }

    init(text: String, name: String) throws(TemplateError) {
        source = SourceText(text, name: name)
        guard source.bytes.count <= Template.maximumLength else {
            throw source.error(.tooLong(limit: Template.maximumLength), at: 0)
        }
        var scanner = Scanner(source: source)
        pieces = try scanner.pieces()
    }

    /// Reads all of the template.
    mutating func template() throws(TemplateError) -> [Node] {
        let (nodes, end) = try nodes([Scope(path: [])])
        if let end {
            throw source.error(.syntax("there is no open block for this"), at: end.start)
        }
        return nodes
    }

    /// Reads up to the end, or over a tag that ends a block or divides it.
    private mutating func nodes(_ scopes: [Scope]) throws(TemplateError) -> ([Node], Tag?) {
        var nodes: [Node] = []
        while next < pieces.count {
            let piece = pieces[next]
            next += 1
            switch piece {
            case .text(let text): nodes.append(.text(text))
            case .tag(let tag):
                switch tag.kind {
                case .comment: break
                case .output:
                    var reader = TagReader(source: source, range: tag.content)
                    let head = try reader.head()
                    try reader.expectEnd()
                    guard head.names.isEmpty else {
                        throw error(head, "only blocks give names with 'as |...|'")
                    }
                    nodes.append(.output(try value(head, scopes), head.place))
                case .open:
                    let head = try self.head(tag)
                    guard case .path(let path) = head.first, let name = path.helperName else {
                        throw error(head, Self.blocks)
                    }
                    nodes.append(try block(head, closing: name, scopes))
                case .inverse, .close: return (nodes, tag)
                }
            }
        }
        return (nodes, nil)
    }

    private static let blocks =
        "a block begins with #if, #unless, #if_not_null, #each or #with and one value"

    private func head(_ tag: Tag) throws(TemplateError) -> TagReader.Head {
        var reader = TagReader(source: source, range: tag.content)
        let head = try reader.head()
        try reader.expectEnd()
        return head
    }

    /// Reads a block behind its opening tag, with its closing one.
    private mutating func block(
        _ head: TagReader.Head,
        closing: String,
        _ scopes: [Scope]
    ) throws(TemplateError) -> Node {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Template.maximumDepth else {
            throw TemplateError(
                .tooDeep(limit: Template.maximumDepth),
                template: source.name,
                line: head.place.line,
                column: head.place.column
            )
        }
        guard case .path(let path) = head.first, let name = path.helperName, head.arguments.count == 1,
            head.options.isEmpty
        else { throw error(head, Self.blocks) }
        let subject = try expression(head.arguments[0], scopes)
        switch name {
        case "if", "unless", "if_not_null":
            guard head.names.isEmpty else { throw error(head, "'\(name)' gives no names") }
            let condition: Condition =
                switch name {
                case "if": .isTruthy
                case "unless": .isFalsy
                default: .isSet
                }
            let (then, otherwise) = try bodies(scopes, scopes, closing: closing, head)
            return .condition(condition, subject, then: then, otherwise: otherwise)
        case "each", "with":
            var inner = Scope(path: absolute(subject, scopes))
            inner.isLoop = name == "each"
            if let name = head.names.first { inner.names[name] = .some(inner.path) }
            if head.names.count > 1 {
                guard name == "each" else { throw error(head, "'with' gives one name") }
                inner.names[head.names[1]] = .some(nil)
            }
            let (body, otherwise) = try bodies(scopes + [inner], scopes, closing: closing, head)
            if name == "with" {
                return .with(subject, name: head.names.first, body: body, otherwise: otherwise)
            }
            return .each(
                subject,
                head.place,
                element: head.names.first,
                key: head.names.count > 1 ? head.names[1] : nil,
                body: body,
                otherwise: otherwise
            )
        default: throw error(head, "there is no block '\(name)': " + Self.blocks)
        }
    }

    /// Reads the two bodies of a block and its closing tag.
    private mutating func bodies(
        _ inner: [Scope],
        _ outer: [Scope],
        closing: String,
        _ head: TagReader.Head
    ) throws(TemplateError) -> ([Node], [Node]) {
        let (body, end) = try nodes(inner)
        guard let end else { throw unclosed(head, closing) }
        guard end.kind == .inverse else {
            try close(end, closing)
            return (body, [])
        }
        var reader = TagReader(source: source, range: end.content)
        if !reader.isAtEnd {
            let chained = try self.head(end)
            return (body, [try block(chained, closing: closing, outer)])
        }
        let (otherwise, last) = try nodes(outer)
        guard let last else { throw unclosed(head, closing) }
        guard last.kind == .close else {
            throw source.error(.syntax("there was an {{else}} before"), at: last.start)
        }
        try close(last, closing)
        return (body, otherwise)
    }

    private func close(_ tag: Tag, _ closing: String) throws(TemplateError) {
        var reader = TagReader(source: source, range: tag.content)
        let name = try reader.word()
        guard name == closing else {
            throw source.error(.syntax("{{/\(closing)}} was expected, not {{/\(name)}}"), at: tag.start)
        }
    }
}

// MARK: - Expressions

extension TemplateParser {
    /// The value of an output tag: a path, a literal or a helper's result.
    private mutating func value(_ head: TagReader.Head, _ scopes: [Scope]) throws(TemplateError) -> Expression
    {
        head.isCall ? .call(try call(head, scopes)) : try expression(head.first, scopes)
    }

    private mutating func call(_ head: TagReader.Head, _ scopes: [Scope]) throws(TemplateError) -> Call {
        guard case .path(let path) = head.first, let name = path.helperName else {
            throw error(head, "the name of a helper was expected before arguments")
        }
        helpers.insert(name)
        var call = Call(helper: name, arguments: [], options: [:], place: head.place)
        for argument in head.arguments { call.arguments.append(try expression(argument, scopes)) }
        for (option, written) in head.options { call.options[option] = try expression(written, scopes) }
        return call
    }

    private mutating func expression(
        _ written: TagReader.Written,
        _ scopes: [Scope]
    ) throws(TemplateError) -> Expression {
        switch written {
        case .literal(let value): return .literal(value)
        case .call(let head): return .call(try call(head, scopes))
        case .path(let path):
            let expression = Expression.path(try resolve(path, scopes))
            if let absolute = absolute(expression, scopes), !absolute.isEmpty { paths.insert(absolute) }
            return expression
        }
    }

    private func resolve(_ written: TagReader.WrittenPath, _ scopes: [Scope]) throws(TemplateError) -> Path {
        var path = Path(
            start: .this(up: written.up),
            segments: written.segments,
            text: written.text,
            place: written.place
        )
        if let data = written.data {
            switch data {
            case "root": path.start = .root
            case "key", "index", "first", "last":
                guard written.segments.isEmpty, scopes.contains(where: \.isLoop) else {
                    throw error(written.place, "'@\(data)' stands alone, inside of {{#each}}")
                }
                path.start = .loop(data)
            default:
                throw error(written.place, "there is no '@\(data)': use @key, @index, @first, @last or @root")
            }
        } else if !written.isAnchored, let first = written.segments.first,
            scopes.contains(where: { $0.names[first] != nil })
        {
            path.start = .local(first)
            path.segments.removeFirst()
        }
        if written.up >= scopes.count {
            throw error(written.place, "'..' leads out of the template: there are not so many blocks")
        }
        return path
    }

    /// Where in the document a value comes from, without the places in lists; nil where it does not.
    private func absolute(_ expression: Expression, _ scopes: [Scope]) -> [String]? {
        guard case .path(let path) = expression else { return nil }
        switch path.start {
        case .this(let up):
            guard up < scopes.count else { return nil }
            return scopes[scopes.count - 1 - up].path.map { $0 + path.segments }
        case .root: return path.segments
        case .local(let name):
            guard let scope = scopes.last(where: { $0.names[name] != nil }),
                let base = scope.names[name] ?? nil
            else { return nil }
            return base + path.segments
        case .loop: return nil
        }
    }

    private func error(_ head: TagReader.Head, _ message: String) -> TemplateError {
        error(head.place, message)
    }

    private func error(_ place: Place, _ message: String) -> TemplateError {
        TemplateError(.syntax(message), template: source.name, line: place.line, column: place.column)
    }

    private func unclosed(_ head: TagReader.Head, _ name: String) -> TemplateError {
        error(head, "the block has no {{/\(name)}}: close it")
    }
}
