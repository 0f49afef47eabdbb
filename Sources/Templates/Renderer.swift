internal import JSON

/// Walks the tree of a template over a document.
struct Renderer {
    private let template: String
    private let root: JSONValue
    private let helpers: HelperSet
    private var frames: [Frame]
    private var steps = 0
    private var length = 0
    /// What is written so far.
    private(set) var output = ""

    /// What names mean inside of a block.
    private struct Frame {
        var this: JSONValue?
        var names: [String: JSONValue] = [:]
        var loop: [String: JSONValue]?
    }

    init(template: String, root: JSONValue, helpers: HelperSet) {
        self.template = template
        self.root = root
        self.helpers = helpers
        frames = [Frame(this: root)]
    }

    /// Writes nodes; the parser has bounded how deep they are nested.
    mutating func render(_ nodes: [Node]) throws(TemplateError) {
        for node in nodes {
            switch node {
            case .text(let text): try write(text, Place(line: 1, column: 1))
            case .output(let expression, let place):
                try step(place)
                guard let value = try value(of: expression) else {
                    throw error(.missing(path: expression.text), place)
                }
                guard let text = value.scalarText else {
                    throw error(
                        .wrongKind(
                            path: expression.text,
                            expected: "a text, number or truth value",
                            given: value.kind
                        ),
                        place
                    )
                }
                try write(text, place)
            case .condition(let condition, let expression, let then, let otherwise):
                try step(expression.place)
                let value = try value(of: expression)
                let isMet =
                    switch condition {
                    case .isTruthy: value.isTruthy
                    case .isFalsy: !value.isTruthy
                    case .isSet: value != nil
                    }
                try render(isMet ? then : otherwise)
            case .each(let expression, let place, let element, let key, let body, let otherwise):
                try each(expression, place, element: element, key: key, body: body, otherwise: otherwise)
            case .with(let expression, let name, let body, let otherwise):
                try step(expression.place)
                let value = try value(of: expression)
                guard value.isTruthy, let value else {
                    try render(otherwise)
                    continue
                }
                var frame = Frame(this: value)
                if let name { frame.names[name] = value }
                frames.append(frame)
                try render(body)
                frames.removeLast()
            }
        }
    }

    private mutating func each(
        _ expression: Expression,
        _ place: Place,
        element: String?,
        key: String?,
        body: [Node],
        otherwise: [Node]
    ) throws(TemplateError) {
        try step(place)
        let items: [(key: JSONValue?, value: JSONValue)]
        switch try value(of: expression) {
        case .array(let elements): items = elements.map { (nil, $0) }
        case .object(let members):
            items = members.sorted { $0.key < $1.key }.map { (.string($0.key), $0.value) }
        case nil: items = []
        case let other?:
            throw error(
                .wrongKind(path: expression.text, expected: "a list or an object", given: other.kind),
                place
            )
        }
        guard !items.isEmpty else { return try render(otherwise) }
        for (index, item) in items.enumerated() {
            try step(place)
            let number = JSONValue.integer(Int64(index))
            var frame = Frame(this: item.value)
            frame.loop = [
                "key": item.key ?? number, "index": number, "first": .bool(index == 0),
                "last": .bool(index == items.count - 1),
            ]
            if let element { frame.names[element] = item.value }
            if let key { frame.names[key] = item.key ?? number }
            frames.append(frame)
            try render(body)
            frames.removeLast()
        }
    }

    /// The value of an expression; nil when it is not set.
    private mutating func value(of expression: Expression) throws(TemplateError) -> JSONValue? {
        switch expression {
        case .literal(.null): return Optional.none
        case .literal(let value): return value
        case .path(let path): return value(of: path)
        case .call(let call): return try result(of: call)
        }
    }

    private func value(of path: Path) -> JSONValue? {
        var value: JSONValue?
        switch path.start {
        case .root: value = root
        case .this(let up): value = up < frames.count ? frames[frames.count - 1 - up].this : nil
        case .local(let name): value = frames.last { $0.names[name] != nil }?.names[name]
        case .loop(let name): value = frames.last { $0.loop != nil }?.loop?[name]
        }
        for segment in path.segments {
            switch value {
            case .object(let members): value = members[segment]
            case .array(let elements):
                value = Int(segment).flatMap { elements.indices.contains($0) ? elements[$0] : nil }
            default: return nil
            }
        }
        return value == .null ? nil : value
    }

    private mutating func result(of call: Call) throws(TemplateError) -> JSONValue? {
        try step(call.place)
        guard let helper = helpers[call.helper] else { throw error(.unknownHelper(call.helper), call.place) }
        guard helper.arguments.contains(call.arguments.count) else {
            throw error(
                .argumentCount(
                    helper: call.helper,
                    expected: helper.arguments,
                    given: call.arguments.count
                ),
                call.place
            )
        }
        var arguments = HelperArguments()
        for argument in call.arguments {
            arguments.values.append(try value(of: argument))
            arguments.names.append(argument.text)
        }
        for (option, expression) in call.options.sorted(by: { $0.key < $1.key }) {
            guard helper.options.contains(option) else {
                throw error(.unknownOption(helper: call.helper, option: option), call.place)
            }
            arguments.options[option] = try value(of: expression)
        }
        do throws(HelperError) {
            let result = try helper.body(arguments)
            return result == .null ? nil : result
        } catch {
            throw self.error(.refused(helper: call.helper, reason: error.reason), call.place)
        }
    }

    private mutating func write(_ text: String, _ place: Place) throws(TemplateError) {
        length += text.utf8.count
        guard length <= Template.maximumOutput else {
            throw error(.outputTooLong(limit: Template.maximumOutput), place)
        }
        output += text
    }

    private mutating func step(_ place: Place) throws(TemplateError) {
        steps += 1
        guard steps <= Template.maximumSteps else {
            throw error(.tooManySteps(limit: Template.maximumSteps), place)
        }
    }

    private func error(_ reason: TemplateError.Reason, _ place: Place) -> TemplateError {
        TemplateError(reason, template: template, line: place.line, column: place.column)
    }
}

extension Expression {
    /// Where the expression stands.
    fileprivate var place: Place {
        switch self {
        case .literal: Place(line: 1, column: 1)
        case .path(let path): path.place
        case .call(let call): call.place
        }
    }
}

extension JSONValue {
    /// The text that is written for a value which stands alone; nil for lists and objects, and for null.
    var scalarText: String? {
        switch self {
        case .string(let string): string
        case .bool(let bool): bool ? "true" : "false"
        case .integer(let integer): String(integer)
        case .number(let number): "\(number)"
        case .null, .array, .object: nil
        }
    }
}

extension JSONValue? {
    /// Whether `{{#if}}` takes its first body: set, and not false, 0 or empty.
    var isTruthy: Bool {
        switch self {
        case nil, .null: false
        case .bool(let bool): bool
        case .integer(let integer): integer != 0
        case .number(let number): number != 0 && !number.isNaN
        case .string(let string): !string.isEmpty
        case .array(let elements): !elements.isEmpty
        case .object(let members): !members.isEmpty
        }
    }
}
