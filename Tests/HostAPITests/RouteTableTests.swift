import HostAPI
import Testing

@Suite("Route table")
struct RouteTableTests {
    @Test("every operation has exactly one endpoint", arguments: Operation.allCases)
    func operations(operation: HostAPI.Operation) {
        #expect(RouteTable.endpoints.count { $0.operation == operation } == 1)
        #expect(RouteTable.endpoint(for: operation).operation == operation)
    }

    @Test("no two endpoints answer the same method and path")
    func shapes() {
        let shapes = RouteTable.endpoints.map { endpoint in
            let segments = endpoint.path.split(separator: "/").map { $0.hasPrefix("{") ? "{}" : $0 }
            return "\(endpoint.method.rawValue) \(segments.joined(separator: "/"))"
        }
        #expect(Set(shapes).count == shapes.count)
    }

    @Test(
        "paths and declared parameters agree, and statuses are declared once",
        arguments: RouteTable.endpoints
    )
    func declarations(endpoint: Endpoint) {
        let named = endpoint.path.split(separator: "/").filter { $0.hasPrefix("{") }
            .map { String($0.dropFirst().dropLast()) }
        #expect(named == endpoint.parameters.filter(\.isInPath).map(\.name))
        #expect(Set(endpoint.parameters.map(\.name)).count == endpoint.parameters.count)
        let statuses = endpoint.responses.map(\.status)
        #expect(Set(statuses).count == statuses.count)
        #expect(statuses.contains { $0 < 300 })
        #expect((endpoint.body != nil) == statuses.contains(415))
        for response in endpoint.responses {
            let isEmpty = response.status == 204 || response.status == 101
            #expect(isEmpty == response.contents.isEmpty || response.status >= 400)
        }
        #expect(endpoint.summary.hasSuffix("."))
    }

    /// Bottlerocket's table (methods, paths, statuses), without what is left out: reports, network
    /// files and ephemeral storage.
    @Test(
        "Bottlerocket's paths, methods and statuses are there",
        arguments: [
            ("GET", "/", [200]), ("GET", "/settings", [200, 404]), ("PATCH", "/settings", [204, 400]),
            ("PATCH", "/settings/keypair", [204, 400]), ("GET", "/tx", [200]), ("GET", "/v2/tx", [200]),
            ("DELETE", "/tx", [200]), ("GET", "/tx/list", [200]), ("POST", "/tx/commit", [200, 422]),
            ("POST", "/tx/apply", [204]), ("POST", "/tx/commit_and_apply", [200, 422]), ("GET", "/os", [200]),
            ("GET", "/metadata/affected-services", [200]), ("GET", "/metadata/setting-generators", [200]),
            ("GET", "/v2/metadata/setting-generators", [200]), ("GET", "/metadata/templates", [200]),
            ("GET", "/services", [200, 404]), ("GET", "/configuration-files", [200, 404]),
            ("POST", "/actions/refresh-updates", [204, 423]),
            ("POST", "/actions/prepare-update", [204, 404, 409, 423]),
            ("POST", "/actions/activate-update", [204, 404, 409, 423]),
            ("POST", "/actions/deactivate-update", [204, 404, 409, 423]),
            ("GET", "/updates/status", [200, 404, 423]), ("POST", "/actions/reboot", [204]),
            ("POST", "/actions/lockdown", [204]), ("GET", "/report", [200]),
            ("GET", "/exec", [101]),
        ]
    )
    func bottlerocket(method: String, path: String, statuses: [Int]) throws {
        guard case .endpoint(let endpoint, _) = RouteTable.match(method: method, path: path) else {
            Issue.record("no endpoint for \(method) \(path)")
            return
        }
        let declared = (endpoint.responses + RouteTable.commonResponses).map(\.status)
        for status in statuses { #expect(declared.contains(status), "\(method) \(path)") }
    }

    @Test("literal parts win over parameters, which are decoded")
    func parameters() {
        guard
            case .endpoint(let compare, let none) = RouteTable.match(
                method: "GET",
                path: "/generations/compare"
            )
        else { return #expect(Bool(false)) }
        #expect(compare.operation == .compareGenerations)
        #expect(none.isEmpty)
        guard
            case .endpoint(let restore, let path) = RouteTable.match(
                method: "POST",
                path: "/generations/%31%2F2/restore"
            )
        else { return #expect(Bool(false)) }
        #expect(restore.operation == .restoreGeneration)
        #expect(path == ["number": "1/2"])
    }

    @Test(
        "other paths are unknown",
        arguments: [
            "", "//", "/settings/", "/Settings", "/settings%2F", "/tx/../settings", "/generations/",
            "/generations//restore", "/generations/1/restore/", "/generations/%", "/generations/%00",
            "/generations/%ff", "settings", "*", "/generations/{number}/x",
            "/" + String(repeating: "a/", count: 9000),
        ]
    )
    func unknown(path: String) {
        guard case .unknownPath = RouteTable.match(method: "GET", path: path) else {
            Issue.record("'\(path.prefix(60))' is known")
            return
        }
        let problem = RouteTable.unknownPathProblem(path)
        #expect(problem.status == 404)
        #expect(problem.detail.utf8.count < 500)
    }

    @Test("a method that a path does not have is refused with those it has")
    func methods() {
        for method in ["PUT", "get", "", "HEAD", "TRACE"] {
            guard case .otherMethods(let methods) = RouteTable.match(method: method, path: "/settings") else {
                return #expect(Bool(false))
            }
            #expect(RouteTable.allowHeader(methods) == "DELETE, GET, PATCH")
            #expect(RouteTable.methodProblem(method, allowed: methods).detail.contains("DELETE, GET, PATCH"))
        }
        guard case .otherMethods([.post]) = RouteTable.match(method: "GET", path: "/generations/1/restore")
        else {
            return #expect(Bool(false))
        }
    }

    @Test("the targets that clients make are matched again", arguments: RouteTable.endpoints)
    func targets(endpoint: Endpoint) throws {
        let target = endpoint.target(
            path: ["number": "7"],
            query: [("keys", "settings.\"a,b&c=d+ü\""), ("x", "")]
        )
        let parts = target.split(separator: "?", maxSplits: 1)
        guard
            case .endpoint(let found, let path) = RouteTable.match(
                method: endpoint.method.rawValue,
                path: String(parts[0])
            )
        else { return #expect(Bool(false)) }
        #expect(found.operation == endpoint.operation)
        #expect(path == (endpoint.path.contains("{") ? ["number": "7"] : [:]))
        #expect(parts[1] == "keys=settings.%22a%2Cb%26c%3Dd%2B%C3%BC%22&x=")
    }
}

extension Endpoint: CustomTestStringConvertible {
    /// The method and the path: all else would fill the log.
    public var testDescription: String { "\(method.rawValue) \(path)" }
}
