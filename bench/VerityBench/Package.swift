// swift-tools-version: 6.2
import PackageDescription

// Measures Verity alone. Its sources are links into the repository's own, so that this needs neither a product
// in the main package nor that package's dependencies.

let common: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

let package = Package(
    name: "verity-bench",
    products: [.executable(name: "verity-bench", targets: ["VerityBench"])],
    targets: [
        .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .target(name: "Hashing", dependencies: ["COpenSSL"], swiftSettings: common),
        .target(name: "Verity", dependencies: ["Hashing"], swiftSettings: common),
        .executableTarget(name: "VerityBench", dependencies: ["Hashing", "Verity"], swiftSettings: common),
    ]
)
