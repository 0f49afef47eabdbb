import Hashing
import Signatures
import TUF
import Testing

@Suite struct DelegationTests {
    /// A delegation of a graph.
    struct Edge {
        var from: String
        var to: String
        var paths = ["*"]
        var terminating = false
    }

    struct Graph: CustomTestStringConvertible {
        var name: String
        var edges: [Edge]
        var order: [String]
        var testDescription: String { name }
    }

    static let graphs = [
        Graph(
            name: "one level",
            edges: [Edge(from: "targets", to: "A"), Edge(from: "targets", to: "B")],
            order: ["A", "B"]
        ),
        Graph(
            name: "depth before breadth",
            edges: [
                Edge(from: "targets", to: "A"), Edge(from: "targets", to: "B"), Edge(from: "A", to: "C"),
                Edge(from: "C", to: "D"),
            ],
            order: ["A", "C", "D", "B"]
        ),
        Graph(
            name: "a terminating role ends the search, but not below itself",
            edges: [
                Edge(from: "targets", to: "A"), Edge(from: "targets", to: "B"),
                Edge(from: "A", to: "C", terminating: true), Edge(from: "A", to: "D"),
                Edge(from: "C", to: "E"),
            ],
            order: ["A", "C", "E"]
        ),
        Graph(
            name: "roles for other paths are not asked",
            edges: [
                Edge(from: "targets", to: "A", paths: ["*.py"]), Edge(from: "targets", to: "B"),
                Edge(from: "A", to: "C"),
            ],
            order: ["B"]
        ),
        Graph(
            name: "a terminating role for other paths ends nothing",
            edges: [
                Edge(from: "targets", to: "A", paths: ["*.py"], terminating: true),
                Edge(from: "targets", to: "B"),
            ],
            order: ["B"]
        ),
        Graph(
            name: "cycle",
            edges: [
                Edge(from: "targets", to: "A"), Edge(from: "A", to: "B"), Edge(from: "B", to: "C"),
                Edge(from: "C", to: "A"), Edge(from: "C", to: "C"),
            ],
            order: ["A", "B", "C"]
        ),
        Graph(
            name: "two roles delegate to a third",
            edges: [
                Edge(from: "targets", to: "A"), Edge(from: "targets", to: "B"), Edge(from: "B", to: "C"),
                Edge(from: "A", to: "C"),
            ],
            order: ["A", "C", "B"]
        ),
    ]

    @Test(arguments: graphs) func rolesAreAskedInOrderOfTrust(_ graph: Graph) async throws {
        var repository = try TestRepository()
        for edge in graph.edges {
            try repository.delegate(edge.from, to: edge.to, .paths(edge.paths), terminating: edge.terminating)
        }
        try repository.publishNext()
        let host = try TestHost(repository)
        await #expect(throws: TUFError.noSuchTarget(path: "missing")) {
            try await host.target("missing", repository)
        }
        #expect(
            host.requests.dropFirst(4)
                == ArraySlice(graph.order.map { "\($0 == "targets" ? 2 : 2).\($0).json" })
        )
    }

    /// The most trusted role wins; the paths of the whole chain count.
    @Test func theFirstRoleThatDescribesATargetWins() async throws {
        var repository = try TestRepository()
        try repository.delegate(to: "A", .paths(["a/*"]))
        try repository.delegate(to: "B", .paths(["a/*", "b/*/*"]))
        try repository.delegate("B", to: "C", .paths(["*"]))
        repository.add("a/x", "of A", to: "A")
        repository.add("a/x", "of B", to: "B")
        repository.add("b/c/x", "of B", to: "B")
        repository.add("c/x", "of C", to: "C")
        repository.add("x", "of C", to: "C")
        try repository.publishNext()
        let host = try TestHost(repository)
        #expect(try await host.target("a/x", repository).role == "A")
        #expect(try await host.target("b/c/x", repository).role == "B")
        for path in ["c/x", "x", "b/x"] {
            await #expect(throws: TUFError.noSuchTarget(path: path)) {
                try await host.target(path, repository)
            }
        }
    }

    @Test func oneOperationAsksForMetadataOnce() async throws {
        var repository = try TestRepository()
        try repository.delegate(to: "A")
        repository.add("x", "x", to: "A")
        repository.add("y", "y", to: "A")
        try repository.publishNext()
        let host = try TestHost(repository)
        var client = host.client(repository)
        #expect(try await client.target("x").role == "A")
        #expect(try await client.target("y").role == "A")
        #expect(host.requests.filter { $0 == "2.A.json" }.count == 1)
        #expect(host.requests.filter { $0 == "timestamp.json" }.count == 1)
    }

    @Test func theNumberOfRolesIsBounded() async throws {
        var repository = try TestRepository()
        for index in 0..<5 { try repository.delegate(to: "role\(index)") }
        repository.add("x", "x", to: "role4")
        try repository.publishNext()
        let host = try TestHost(repository)
        var limits = ClientLimits()
        limits.delegations = 4
        await #expect(throws: TUFError.tooManyDelegations(path: "x", limit: 4)) {
            try await host.target("x", repository, limits: limits)
        }
        #expect(host.requests.filter { $0.contains("role") }.count == 4)
        limits.delegations = 5
        #expect(try await host.target("x", repository, limits: limits).role == "role4")
    }

    @Test func aRoleThatCannotBeTrustedEndsTheSearch() async throws {
        var repository = try TestRepository()
        try repository.delegate(to: "A")
        try repository.delegate(to: "B")
        repository.add("x", "x", to: "B")
        repository.signers["A"] = [try PrivateKey.generate(.ed25519)]
        try repository.publishNext()
        let host = try TestHost(repository)
        await #expect(
            throws: TUFError.notEnoughSignatures(role: "A", valid: 0, threshold: 1, delegator: "targets")
        ) {
            try await host.target("x", repository)
        }
        var broken = repository
        broken.files["2.A.json"] = nil
        await #expect(throws: TUFError.notFound(name: "2.A.json")) { try await host.target("x", broken) }
        broken.snapshot.meta["A.json"] = nil
        broken.delegated["A"] = nil
        broken.snapshot.common.version = 3
        broken.timestamp.common.version = 3
        try broken.publish()
        let other = try TestHost(repository)
        await #expect(throws: TUFError.missingFromSnapshot(role: "A")) { try await other.target("x", broken) }
    }

    @Test func anExpiredDelegatedRoleIsNotUsed() async throws {
        var repository = try TestRepository()
        try repository.delegate(to: "A")
        repository.delegated["A"]?.common.expires = testTime.advanced(by: 60)
        repository.add("x", "x", to: "A")
        try repository.publishNext()
        let host = try TestHost(repository)
        #expect(try await host.target("x", repository).role == "A")
        var later = host.client(repository, now: testTime.advanced(by: 61))
        await #expect(throws: TUFError.self) { try await later.target("x") }
    }

    @Test(arguments: [
        "?", "#", "/role", "../role", "..", ".", "a b", "é", "100%", String(repeating: "x", count: 100),
    ])
    func namesOfRolesLeadNowhere(_ name: String) async throws {
        var repository = try TestRepository()
        try repository.delegate(to: name)
        repository.add("x", "x", to: name)
        try repository.publishNext()
        let host = try TestHost(repository)
        #expect(try await host.target("x", repository).role == name)
        let names = host.store.names.filter { $0 != "latest-time" }
        #expect(names.count == 5)
        #expect(names.allSatisfy { !$0.contains("/") && $0.hasSuffix(".json") })
    }

    @Test func hashBinsAreFoundByThePathsHash() async throws {
        for bitLength in [1, 3, 4, 5] {
            var repository = try TestRepository()
            let key = try PrivateKey.generate(.ed25519)
            let keyID = try Key(key.publicKey).keyID
            let bins = SuccinctRoles(keys: RoleKeys(keyIDs: [keyID]), bitLength: bitLength, namePrefix: "bin")
            repository.targets.delegations = Delegations(
                keys: [keyID: try Key(key.publicKey)],
                roles: .bins(bins)
            )
            for name in bins.names {
                repository.delegated[name] = Targets(expires: testTime.advanced(by: 86_400))
                repository.signers[name] = [key]
            }
            #expect(repository.delegated.count == 1 << bitLength)
            for path in ["a", "b", "c/d"] { repository.add(path, path, to: bins.bin(of: path)) }
            try repository.publishNext()
            let host = try TestHost(repository)
            for path in ["a", "b", "c/d"] {
                #expect(try await host.target(path, repository).role == bins.bin(of: path))
            }
            await #expect(throws: TUFError.noSuchTarget(path: "z")) { try await host.target("z", repository) }
        }
    }

    @Test func hashPrefixesAreFoundByThePathsHash() async throws {
        var repository = try TestRepository()
        let hash = SHA256Digest(hashing: "x").hex
        let other = hash.hasPrefix("0") ? "1" : "0"
        try repository.delegate(to: "A", .hashPrefixes([other]))
        try repository.delegate(to: "B", .hashPrefixes([other, String(hash.prefix(3))]))
        repository.add("x", "x", to: "A")
        repository.add("x", "x", to: "B")
        try repository.publishNext()
        #expect(try await TestHost(repository).target("x", repository).role == "B")
    }

    /// Equal for Swift's strings, and two different paths.
    @Test func pathsAreComparedByteByByte() async throws {
        var repository = try TestRepository()
        repository.add("caf\u{e9}", "x")
        try repository.publishNext()
        let host = try TestHost(repository)
        #expect(try await host.target("caf\u{e9}", repository).role == "targets")
        await #expect(throws: TUFError.self) { try await host.target("cafe\u{301}", repository) }
    }
}
