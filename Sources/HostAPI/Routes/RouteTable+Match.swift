extension RouteTable {
    /// What the method and the path of a request mean.
    public enum Match: Sendable {
        /// An endpoint, with the parameters of its path, decoded.
        case endpoint(Endpoint, path: [String: String])
        /// The path has these methods, but not the one that was asked for: 405, with `Allow`.
        case otherMethods([Endpoint.Method])
        /// There is nothing at the path: 404.
        case unknownPath
    }

    /// Finds the endpoint of a request.
    ///
    /// - Parameters:
    ///   - method: the method, as the client wrote it.
    ///   - path: the path of the request target, without the query and still encoded.
    public static func match(method: String, path: String) -> Match {
        var parameters: [String: String] = [:]
        var candidates = fixedPaths[path] ?? []
        if candidates.isEmpty {
            let segments = path.split(separator: "/", omittingEmptySubsequences: false)
            for (index, template) in patterns where template.count == segments.count {
                var found: [String: String] = [:]
                let isMatch = zip(template, segments).allSatisfy { part, segment in
                    guard part.isParameter else { return part.text == segment }
                    guard let text = PercentEncoding.decode(segment), !text.isEmpty else { return false }
                    found[part.text] = text
                    return true
                }
                if isMatch {
                    candidates.append(index)
                    parameters = found
                }
            }
        }
        if candidates.isEmpty { return .unknownPath }
        for index in candidates where endpoints[index].method.rawValue == method {
            return .endpoint(endpoints[index], path: parameters)
        }
        return .otherMethods(candidates.map { endpoints[$0].method })
    }

    /// The problem of a path that has nothing: 404.
    public static func unknownPathProblem(_ path: String) -> Problem {
        Problem(
            status: 404,
            detail: "there is nothing at '\(Problem.shortened(path))': GET /openapi.json lists what there is"
        )
    }

    /// The problem of a method that a path does not have: 405.
    public static func methodProblem(_ method: String, allowed: [Endpoint.Method]) -> Problem {
        Problem(
            status: 405,
            detail:
                "this path has no method '\(Problem.shortened(method))': it has \(allowHeader(allowed))"
        )
    }

    /// The value of the header `Allow`.
    public static func allowHeader(_ methods: [Endpoint.Method]) -> String {
        methods.map(\.rawValue).sorted().joined(separator: ", ")
    }

    private struct Part: Sendable {
        var text: String
        var isParameter: Bool
    }

    private static let fixedPaths: [String: [Int]] = {
        var paths: [String: [Int]] = [:]
        for (index, endpoint) in endpoints.enumerated() where !endpoint.path.contains("{") {
            paths[endpoint.path, default: []].append(index)
        }
        return paths
    }()

    private static let patterns: [(Int, [Part])] = endpoints.enumerated().compactMap { index, endpoint in
        guard endpoint.path.contains("{") else { return nil }
        return (
            index,
            endpoint.path.split(separator: "/", omittingEmptySubsequences: false).map {
                $0.hasPrefix("{")
                    ? Part(text: String($0.dropFirst().dropLast()), isParameter: true)
                    : Part(text: String($0), isParameter: false)
            }
        )
    }
}

extension Endpoint {
    /// The target of a request to this endpoint, encoded.
    ///
    /// - Parameters:
    ///   - path: the parameters of the path; one that is missing stays as `{name}`.
    ///   - query: names and values of the query, in order.
    public func target(path: [String: String] = [:], query: [(name: String, value: String)] = []) -> String {
        var target = self.path
        if target.contains("{") {
            target = target.split(separator: "/", omittingEmptySubsequences: false).map { segment in
                guard segment.hasPrefix("{"), let value = path[String(segment.dropFirst().dropLast())] else {
                    return String(segment)
                }
                return PercentEncoding.encode(value)
            }.joined(separator: "/")
        }
        let pairs = query.map { "\(PercentEncoding.encode($0.name))=\(PercentEncoding.encode($0.value))" }
        return pairs.isEmpty ? target : "\(target)?\(pairs.joined(separator: "&"))"
    }
}
