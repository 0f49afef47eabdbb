/// Why a template can't be read or rendered: which one, where, what is wrong, what to do.
///
/// No value of a setting is ever part of it: errors are logged and reported, and a setting may be a secret.
public struct TemplateError: Error, Equatable, CustomStringConvertible {
    /// What is wrong.
    public enum Reason: Sendable, Equatable {
        /// The text is not a template: what was expected.
        case syntax(String)
        /// The template is longer than the limit, in bytes.
        case tooLong(limit: Int)
        /// Blocks or expressions are nested deeper than the limit.
        case tooDeep(limit: Int)
        /// A helper is not registered.
        case unknownHelper(String)
        /// A helper was called with another number of arguments than it takes.
        case argumentCount(helper: String, expected: ClosedRange<Int>, given: Int)
        /// A helper was called with an option it does not have.
        case unknownOption(helper: String, option: String)
        /// A helper refused its arguments.
        case refused(helper: String, reason: String)
        /// A value is not set, and the template does not say what to do then.
        case missing(path: String)
        /// A value has the wrong kind for its place.
        case wrongKind(path: String, expected: String, given: String)
        /// The rendered text would be longer than the limit, in bytes.
        case outputTooLong(limit: Int)
        /// Rendering takes more steps than the limit.
        case tooManySteps(limit: Int)
    }

    /// What is wrong.
    public let reason: Reason
    /// The name of the template.
    public let template: String
    /// The line, from 1.
    public let line: Int
    /// The byte in the line, from 1.
    public let column: Int

    /// An error at a place.
    public init(_ reason: Reason, template: String, line: Int, column: Int) {
        self.reason = reason
        self.template = template
        self.line = line
        self.column = column
    }

    /// The template, the place, what is wrong, and what to do.
    public var description: String { "template \(template), line \(line), column \(column): \(reason.text)" }
}

extension TemplateError.Reason {
    fileprivate var text: String {
        switch self {
        case .syntax(let message): message
        case .tooLong(let limit): "the template is longer than \(limit) bytes: split it"
        case .tooDeep(let limit): "nested deeper than \(limit) levels: simplify the template"
        case .unknownHelper(let name):
            "there is no helper '\(name)': correct its name, or register it before rendering"
        case .argumentCount(let helper, let expected, let given):
            "the helper '\(helper)' takes \(Self.count(expected)), not \(given)"
        case .unknownOption(let helper, let option):
            "the helper '\(helper)' has no option '\(option)': remove it"
        case .refused(let helper, let reason): "the helper '\(helper)' says: \(reason)"
        case .missing(let path):
            "'\(path)' is not set: set it, or let the template use {{#if \(path)}} or {{default \"...\" \(path)}}"
        case .wrongKind(let path, let expected, let given):
            "'\(path)' is of the kind '\(given)', \(expected) is needed here"
        case .outputTooLong(let limit):
            "the rendered text is longer than \(limit) bytes: shorten the settings"
        case .tooManySteps(let limit): "rendering takes more than \(limit) steps: shorten the settings"
        }
    }

    private static func count(_ range: ClosedRange<Int>) -> String {
        let words =
            range.lowerBound == range.upperBound
            ? "\(range.lowerBound)"
            : range.upperBound == .max
                ? "at least \(range.lowerBound)" : "\(range.lowerBound) to \(range.upperBound)"
        return words + (range == 1...1 ? " argument" : " arguments")
    }
}
