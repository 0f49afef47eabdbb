import HostAPI
import Testing

@testable import HostAPIClient

@Suite struct RequestTargetTests {
    private let endpoint = RouteTable.endpoint(for: .getGeneration)

    @Test func fillsPathAndQuery() throws {
        let target = try endpoint.completeTarget(
            path: ["number": "../7?x#é"],
            query: [("keys", #"settings.motd,settings.kernel.sysctl."a.b""#), ("tx", "a b+c&d=e%")]
        )
        let match = try #require(target.split(separator: "?").first.map(String.init))
        guard case .endpoint(let found, let path) = RouteTable.match(method: "GET", path: match) else {
            Issue.record("\(target) matches nothing")
            return
        }
        #expect(found.operation == .getGeneration)
        #expect(path == ["number": "../7?x#é"])
        #expect(target.contains("tx=a%20b%2Bc%26d%3De%25"))
        #expect(target.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "\"") })
    }

    @Test func everyPartOfThePathNeedsAValue() {
        for path in [[:], ["number": ""], ["other": "1"]] {
            #expect(
                throws: HostAPIError.invalidRequest(
                    reason: "GET /generations/{number} needs a value for number"
                )
            ) {
                try endpoint.completeTarget(path: path, query: [])
            }
        }
    }

    @Test func everyOperationHasATarget() throws {
        for operation in Operation.allCases {
            let endpoint = RouteTable.endpoint(for: operation)
            let values = endpoint.parameters.filter(\.isInPath).map { ($0.name, "1") }
            let target = try endpoint.completeTarget(path: Dictionary(values) { $1 }, query: [])
            #expect(target.hasPrefix("/") && !target.contains("{"), "\(operation)")
        }
    }
}
