import HostAPI

extension Endpoint {
    /// The target of a request, with a value for every parameter of the path.
    ///
    /// - Throws: `HostAPIError.invalidRequest` when one has none.
    func completeTarget(path: [String: String], query: [(String, String)]) throws(HostAPIError) -> String {
        for parameter in parameters where parameter.isInPath {
            guard path[parameter.name]?.isEmpty == false else {
                throw .invalidRequest(
                    reason: "\(method.rawValue) \(self.path) needs a value for \(parameter.name)"
                )
            }
        }
        return target(path: path, query: query.map { (name: $0.0, value: $0.1) })
    }
}
