internal import JSON

/// A place in the text of a template, for errors.
struct Place: Sendable, Equatable {
    /// The line, from 1.
    var line: Int
    /// The byte in the line, from 1.
    var column: Int
}

/// A piece of a template.
indirect enum Node: Sendable {
    /// Text that is copied.
    case text(String)
    /// A value that is written.
    case output(Expression, Place)
    /// One of two bodies.
    case condition(Condition, Expression, then: [Node], otherwise: [Node])
    /// A body for each element of a list, or each member of an object in order of their names.
    case each(Expression, Place, element: String?, key: String?, body: [Node], otherwise: [Node])
    /// A body with another `this`, unless the value is not set or empty.
    case with(Expression, name: String?, body: [Node], otherwise: [Node])
}

/// What decides between two bodies.
enum Condition: Sendable {
    /// Set, and not false, 0 or empty.
    case isTruthy
    /// Not set, or false, 0 or empty.
    case isFalsy
    /// Set, whatever the value.
    case isSet
}

/// Something that has a value.
indirect enum Expression: Sendable {
    /// A value that stands in the template.
    case literal(JSONValue)
    case path(Path)
    case call(Call)
}

/// A path to a value.
struct Path: Sendable {
    /// Where a path begins.
    enum Start: Sendable {
        /// At the value that many scopes further out than `this`.
        case this(up: Int)
        /// At the document.
        case root
        /// At a name that a block gave.
        case local(String)
        /// At one of the loop's own values: `@key`, `@index`, `@first`, `@last`.
        case loop(String)
    }

    /// Where it begins.
    var start: Start
    /// The names on the path.
    var segments: [String]
    /// As it stands in the template.
    var text: String
    /// Where it stands.
    var place: Place
}

/// A call of a helper.
struct Call: Sendable {
    var helper: String
    var arguments: [Expression]
    var options: [String: Expression]
    var place: Place
}

extension Expression {
    /// How the expression is named in an error.
    var text: String {
        switch self {
        case .literal(let value): value.description
        case .path(let path): path.text
        case .call(let call): "(\(call.helper) ...)"
        }
    }
}
