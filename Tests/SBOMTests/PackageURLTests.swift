import Testing

@testable import SBOM

@Suite struct PackageURLTests {
    @Test(arguments: [
        ("https://example.org/apple/swift-nio.git", "pkg:swift/example.org/apple/swift-nio@2.1.0"),
        ("https://example.org/a/b/swift-nio", "pkg:swift/example.org/a/b/swift-nio@2.1.0"),
        ("https://example.org", "pkg:generic/swift-nio@2.1.0"),
        ("../swift-nio", "pkg:generic/swift-nio@2.1.0"),
        ("", "pkg:generic/swift-nio@2.1.0"),
    ])
    func aSwiftPackageIsNamedByItsRepository(_ location: String, _ expected: String) {
        #expect(PackageURL.swift(name: "swift-nio", version: "2.1.0", location: location) == expected)
    }
}
