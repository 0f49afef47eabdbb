public import SettingsModel

/// The parameters of one request, checked against what its endpoint declares.
///
/// A parameter that the endpoint does not have, one that stands twice and a value that has not the declared form are
/// refused: what a client meant and the host did not do must not go unnoticed.
public struct RequestParameters: Sendable, Equatable {
    private var values: [String: ParameterValue] = [:]

    /// Reads the parameters of a request.
    ///
    /// - Parameters:
    ///   - endpoint: what may be there.
    ///   - path: the parameters of the path, as `RouteTable.match` gives them.
    ///   - query: what follows `?` in the request target, still encoded; nil without `?`.
    /// - Throws: `Problem` of status 400 that names every parameter that is wrong.
    public init(_ endpoint: Endpoint, path: [String: String] = [:], query: String?) throws(Problem) {
        var faults: [Problem.Fault] = []
        var texts = path
        for pair in (query ?? "").split(separator: "&") {
            guard faults.count < Self.maximumFaults else { break }
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = PercentEncoding.decode(parts[0], plusIsSpace: true),
                let value = PercentEncoding.decode(parts.count == 2 ? parts[1] : "", plusIsSpace: true)
            else {
                faults.append(Self.fault(String(pair), nil, "percent-encoded UTF-8 without NUL"))
                continue
            }
            if !endpoint.parameters.contains(where: { $0.name == name && !$0.isInPath }) {
                let known = endpoint.parameters.filter { !$0.isInPath }.map(\.name)
                let allowed =
                    known.isEmpty
                    ? "this endpoint takes no parameters"
                    : "there is no such parameter; here there is: \(known.joined(separator: ", "))"
                faults.append(Self.fault(name, nil, allowed))
            } else if texts.updateValue(value, forKey: name) != nil {
                faults.append(Self.fault(name, value, "it may be given only once"))
            }
        }
        for parameter in endpoint.parameters {
            guard let text = texts[parameter.name] else {
                if parameter.isRequired {
                    faults.append(
                        Self.fault(parameter.name, nil, "it must be given: \(parameter.form.allowed)")
                    )
                }
                continue
            }
            switch parameter.form.read(text) {
            case .success(let value): values[parameter.name] = value
            case .failure(let refusal): faults.append(Self.fault(parameter.name, text, refusal.allowed))
            }
        }
        guard faults.isEmpty else { throw Problem(invalidParameters: faults) }
    }

    /// The text, or the word of a choice; nil when it is not given.
    public func text(_ name: String) -> String? {
        if case .text(let text)? = values[name] { text } else { nil }
    }

    /// The keys; nil when they are not given.
    public func keys(_ name: String = "keys") -> [SettingKey]? {
        if case .keys(let keys)? = values[name] { keys } else { nil }
    }

    /// The names; nil when they are not given.
    public func names(_ name: String = "names") -> [String]? {
        if case .names(let names)? = values[name] { names } else { nil }
    }

    /// The number; nil when it is not given.
    public func integer(_ name: String) -> Int64? {
        if case .integer(let number)? = values[name] { number } else { nil }
    }

    /// The truth value; nil when it is not given.
    public func boolean(_ name: String) -> Bool? {
        if case .boolean(let flag)? = values[name] { flag } else { nil }
    }

    /// The name of the transaction: what `tx` says, else `default`.
    public var transaction: String { text("tx") ?? Self.defaultTransaction }

    /// The transaction of requests that name none.
    public static let defaultTransaction = "default"

    /// More faults are not told, so that a hostile query can't make the answer huge.
    private static let maximumFaults = 100

    private static func fault(_ name: String, _ value: String?, _ allowed: String) -> Problem.Fault {
        Problem.Fault(
            key: Problem.shortened(name),
            value: value.map { Problem.shortened($0) },
            allowed: allowed
        )
    }
}
