// swift-tools-version: 6.2
import PackageDescription

// The tree is the architecture (docs/architecture.md): system, formats, services, programs.
// A target imports only targets of its own floor or of a lower one.

let common: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

/// Of what tests run thousands of times: optimised in debug builds too, which saves them far more time than the compiler
/// takes for it.
let optimised = common + [.unsafeFlags(["-O"], .when(configuration: .debug))]
let optimisedTargets: Set = [
    "BlockDevices", "BootSlots", "Bytes", "EROFS", "FAT", "GPT", "Hashing", "JSON", "SettingsStore",
    "UpdateBlocks", "UpdateEngine", "Verity",
]

let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let subprocess: Target.Dependency = .product(name: "Subprocess", package: "swift-subprocess")
let systemPackage: Target.Dependency = .product(name: "SystemPackage", package: "swift-system")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let nioSSL: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
let httpTypes: Target.Dependency = .product(name: "HTTPTypes", package: "swift-http-types")
let hummingbirdCore: Target.Dependency = .product(name: "HummingbirdCore", package: "hummingbird")
let asyncHTTPClient: Target.Dependency = .product(name: "AsyncHTTPClient", package: "async-http-client")
let toml: Target.Dependency = .product(name: "TOMLKit", package: "TOMLKit")

/// A library target and its test target, which may see a few more targets and has files of its own to read.
func library(
    _ name: String,
    _ dependencies: [Target.Dependency],
    tests: [Target.Dependency] = [],
    testFiles: [String] = []
) -> [Target] {
    [
        .target(
            name: name,
            dependencies: dependencies,
            swiftSettings: optimisedTargets.contains(name) ? optimised : common
        ),
        .testTarget(
            name: "\(name)Tests",
            dependencies: [.target(name: name), "TestSupport"] + dependencies + tests,
            exclude: testFiles,
            swiftSettings: common
        ),
    ]
}

let system: [Target] =
    [
        .systemLibrary(name: "CArchive", pkgConfig: "libarchive", providers: [.apt(["libarchive-dev"])]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(name: "CSystemd", pkgConfig: "libsystemd", providers: [.apt(["libsystemd-dev"])]),
    ]
    + library("Archive", ["CArchive"])
    + library("Bytes", [])
    + library("BlockDevices", ["Bytes"])
    + library("Gzip", ["CZlib"])
    + library("Hashing", ["COpenSSL"])
    + library("HTTPFetch", ["Bytes", asyncHTTPClient, nioCore, nioHTTP1, nioPosix, nioSSL])
    + library("JSON", [])
    + library("Presentation", [])
    + library("Processes", [subprocess, systemPackage])
    + library("Signatures", ["COpenSSL"])
    + library("SmallFiles", [])
    + library("Systemd", ["CSystemd"])
    + library("Zstd", ["CZstd"])

let formats: [Target] =
    library("GPT", ["Bytes"])
    + library("FAT", ["BlockDevices", "Bytes"])
    + library("UKI", ["Bytes"])
    + library("ELF", ["Bytes", "JSON"])
    + library("BootEntries", [])
    + library("EROFS", ["Archive", "Bytes"])
    + library("Verity", ["Hashing"])
    + library("ReleaseManifest", ["Hashing"])
    + library("Rollout", ["BootEntries", "Hashing", "JSON", "TOML", "TUF"])
    + library(
        "UpdateBlocks",
        ["BlockDevices", "Bytes", "Hashing", "ReleaseManifest", "Zstd"],
        tests: ["Verity"]
    )
    + library("VariantManifest", [toml, "Hashing"])
    + library("FileTree", ["Hashing"])
    + library("SBOM", ["Hashing"])
    + library("TOML", ["JSON"])
    + library("TUF", ["Hashing", "JSON", "Signatures"])
    + library("SettingsModel", ["JSON"], tests: ["TOML"])
    + library("Templates", ["JSON", "SettingsModel"])
    + library("Features", ["JSON", "SettingsModel", "SmallFiles", "TOML"])

let services: [Target] =
    library("Debian", ["Archive", "FileTree", "Hashing", "JSON", "Processes"])
    + library(
        "ImageBuilder",
        [
            "Archive", "Bytes", "Debian", "ELF", "FAT", "Features", "FileTree", "GPT", "Hashing", "Processes",
            "ReleaseManifest", "SBOM", "TUF", "UKI", "VariantManifest", "Verity",
        ],
        tests: ["Signatures"]
    )
    + library(
        "ImageInspection",
        [
            "BootEntries", "Bytes", "EROFS", "FAT", "GPT", "Hashing", "Presentation", "ReleaseManifest",
            "SBOM", "UKI", "Verity",
        ]
    )
    + library(
        "ReleaseRepository",
        [
            "BlockDevices", "BootEntries", "Hashing", "JSON", "Presentation", "Processes", "ReleaseManifest",
            "Rollout",
            "Signatures", "TOML", "TUF", "UpdateBlocks",
        ],
        tests: ["Verity"]
    )
    + library("VirtualMachine", ["Processes", subprocess, systemPackage])
    + library(
        "BulkheadCommands",
        [
            "BlockDevices", "Debian", "Hashing", "HostAPI", "ImageBuilder", "ImageInspection", "JSON",
            "Presentation", "ReleaseManifest", "ReleaseRepository", "Rollout", "Signatures", "SettingsModel",
            "TUF", "TOML", "UpdateBlocks", "VariantManifest", "VirtualMachine", argumentParser,
        ],
        tests: ["Verity"]
    )
    + library("BootSlots", ["BlockDevices", "BootEntries", "Bytes", "FAT", "Hashing", "UKI"])
    + library("HostHealth", ["Features", "JSON", "SmallFiles", "Systemd"])
    + library(
        "UpdateEngine",
        ["BlockDevices", "BootEntries", "BootSlots", "Bytes", "FAT", "GPT", "Hashing", "Verity"],
        tests: ["UpdateFixtures"]
    )
    + library(
        "Updater",
        [
            "BlockDevices", "BootEntries", "BootSlots", "Bytes", "GPT", "Hashing", "HostAPI", "HTTPFetch",
            "JSON",
            "ReleaseManifest", "Rollout", "SmallFiles", "TUF", "UpdateBlocks", "UpdateEngine", "Verity",
        ],
        tests: ["FAT", "ReleaseRepository", "UpdateFixtures"]
    )
    + library("SettingsStore", ["Hashing", "JSON", "SettingsModel", "SmallFiles"])
    + library("SettingsApply", ["Features", "JSON", "SettingsModel", "SmallFiles", "Systemd", "Templates"])
    + library("HostAPI", ["JSON", "SettingsModel"])
    + library(
        "HostAPIServer",
        [
            "HostAPI", "JSON", "SmallFiles", "Systemd", hummingbirdCore, httpTypes, logging, nioCore,
            nioHTTP1, nioPosix,
        ]
    )
    + library(
        "APIServer",
        [
            "Features", "HostAPI", "HostAPIClient", "HostAPIServer", "JSON", "SettingsApply", "SettingsModel",
            "SettingsStore", "SmallFiles", "Systemd", logging, nioCore, nioHTTP1,
        ]
    )
    + library(
        "HostAPIClient",
        ["HostAPI", "JSON", "Presentation", "SettingsModel", nioCore, nioHTTP1, nioPosix]
    )
    + library(
        "APIClient",
        [
            "HostAPI", "HostAPIClient", "JSON", "Presentation", "SettingsModel", "SmallFiles", "TOML",
            argumentParser, asyncHTTPClient, nioCore, nioHTTP1,
        ],
        tests: ["HostAPIServer", logging]
    )
    + library(
        "UpdaterService",
        [
            "BlockDevices", "BootSlots", "GPT", "HostAPI", "HostAPIClient", "HostAPIServer", "HostHealth",
            "JSON",
            "Presentation", "Rollout", "SmallFiles", "Systemd", "UpdateEngine", "Updater", argumentParser,
            logging,
        ],
        tests: ["ReleaseRepository", "TUF", "UpdateFixtures"]
    )
    + library("TUFClient", ["HTTPFetch", "TUF"], testFiles: ["conformance"])
    + library("UserData", ["Gzip", "JSON", "SettingsModel", "SmallFiles", "TOML", asyncHTTPClient, nioCore])
    + library(
        "HostSteps",
        [
            "Features", "HostAPI", "HostAPIClient", "HostHealth", "JSON", "SettingsModel", "SettingsStore",
            "SmallFiles", "Systemd", "UserData",
        ]
    )

let programs: [Target] = [
    .executableTarget(name: "bulkhead", dependencies: ["BulkheadCommands"], swiftSettings: common),
    .executableTarget(
        name: "bulkhead-host",
        dependencies: ["APIClient", "APIServer", "HostSteps", "UpdaterService"],
        swiftSettings: common
    ),
    .executableTarget(name: "tuf-client", dependencies: ["TUFClient"], swiftSettings: common),
    // The updater on a disk image, for `make bench`.
    .executableTarget(
        name: "update-bench",
        dependencies: ["BlockDevices", "SmallFiles", "UpdateEngine", "Updater"],
        swiftSettings: common
    ),
]

/// Renders every template of image/ and gives the result to the programs that will read it.
let contentTests: [Target] = [
    .testTarget(
        name: "FeatureContentTests",
        dependencies: ["BootEntries", "JSON", "SettingsModel", "Templates", "TestSupport", "Updater", toml],
        swiftSettings: common
    )
]

/// Tests that build images and boot them; everything else is tested without (docs/architecture.md).
let machineTests: [Target] = [
    .testTarget(
        name: "MachineTests",
        dependencies: ["Hashing", "Processes", "ReleaseManifest", "VirtualMachine", "TestSupport"],
        path: "Tests/Machine",
        swiftSettings: common
    )
]

let package = Package(
    name: "bulkhead",
    products: [
        .executable(name: "bulkhead", targets: ["bulkhead"]),
        .executable(name: "bulkhead-host", targets: ["bulkhead-host"]),
        .executable(name: "tuf-client", targets: ["tuf-client"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2"),
        .package(url: "https://github.com/LebJe/TOMLKit", from: "0.6.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        // Without its default traits, which bring full Foundation and ICU (48 MB).
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
    ],
    targets: system + formats + services + programs + contentTests + machineTests + [
        .target(
            name: "TestSupport",
            dependencies: ["BlockDevices"],
            path: "Tests/TestSupport",
            swiftSettings: optimised
        ),
        .target(
            name: "UpdateFixtures",
            dependencies: [
                "BlockDevices", "GPT", "Hashing", "ReleaseManifest", "UpdateEngine", "VariantManifest",
                "Verity",
                "TestSupport",
            ],
            path: "Tests/UpdateFixtures",
            swiftSettings: optimised
        ),
    ],
    cxxLanguageStandard: .cxx17
)
