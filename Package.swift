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
let nioHTTP2: Target.Dependency = .product(name: "NIOHTTP2", package: "swift-nio-http2")
let nioHPACK: Target.Dependency = .product(name: "NIOHPACK", package: "swift-nio-http2")
let nioWebSocket: Target.Dependency = .product(name: "NIOWebSocket", package: "swift-nio")
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
    + library("GRPCClient", [nioCore, nioPosix, nioHTTP2, nioHPACK], testFiles: ["server.py"])
    + library("Hashing", ["COpenSSL"])
    + library("HTTPFetch", ["Bytes", asyncHTTPClient, nioCore, nioHTTP1, nioPosix, nioSSL])
    + library("JSON", [])
    + library("Presentation", [])
    + library("Processes", [subprocess, systemPackage])
    + library("Signatures", ["COpenSSL"])
    + library("SmallFiles", [])
    + library("Systemd", ["CSystemd", "SmallFiles"])
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
        ["BlockDevices", "Bytes", "Hashing", "ReleaseManifest", "UKI", "Zstd"],
        tests: ["Verity"]
    )
    + library("VariantManifest", [toml, "Hashing"])
    + library("FileTree", ["Hashing"])
    + library("SBOM", ["Hashing"])
    + library("TOML", ["JSON"])
    + library("TUF", ["Hashing", "JSON", "Signatures", "SmallFiles"])
    + library("SettingsModel", ["JSON"], tests: ["TOML"])
    + library("Templates", ["JSON", "SettingsModel"])
    + library("Features", ["JSON", "SettingsModel", "SmallFiles", "TOML"])
    + library("OCI", ["Hashing", "JSON"])
    + library("Protobuf", [], testFiles: ["golden.proto", "golden.py"])

let services: [Target] =
    library("Debian", ["Archive", "FileTree", "Hashing", "JSON", "Processes"])
    + library(
        "ImageBuilder",
        [
            "Archive", "Bytes", "Debian", "ELF", "FAT", "Features", "FileTree", "GPT", "Hashing", "JSON",
            "Processes", "ReleaseManifest", "SBOM", "TUF", "UKI", "VariantManifest", "Verity",
        ],
        tests: ["Signatures"]
    )
    + library(
        "ImageInspection",
        [
            "BootEntries", "Bytes", "EROFS", "FAT", "GPT", "Hashing", "Presentation", "ReleaseManifest",
            "SBOM", "UKI", "UpdateBlocks", "Verity",
        ]
    )
    + library(
        "ReleaseRepository",
        [
            "BlockDevices", "BootEntries", "Bytes", "Hashing", "JSON", "Presentation", "Processes",
            "ReleaseManifest", "Rollout", "Signatures", "TOML", "TUF", "UpdateBlocks",
        ],
        tests: ["UpdateFixtures"]
    )
    + library("VirtualMachine", ["Processes", subprocess, systemPackage])
    + library(
        "BulkheadCommands",
        [
            "BlockDevices", "Bytes", "Debian", "Hashing", "HostAPI", "ImageBuilder", "ImageInspection",
            "JSON", "Presentation", "ReleaseManifest", "ReleaseRepository", "Rollout", "Signatures",
            "SettingsModel", "TUF", "UpdateBlocks", "UserData", "VariantManifest", "VirtualMachine",
            argumentParser,
        ],
        tests: ["UpdateFixtures"]
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
    + library(
        "SettingsApply",
        ["Features", "HostAPI", "JSON", "SettingsModel", "SmallFiles", "Systemd", "Templates"]
    )
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
            "ContainerExec", "Containers", "Features", "HostAPI", "HostAPIClient", "HostAPIServer", "JSON",
            "SettingsApply", "SettingsModel", "SettingsStore", "SmallFiles", "Systemd", logging, nioCore,
            nioHTTP1, nioPosix,
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
            argumentParser, asyncHTTPClient, nioCore, nioHTTP1, nioPosix, nioSSL, nioWebSocket,
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
    + library(
        "Containers",
        ["GRPCClient", "JSON", "OCI", "Protobuf", "SmallFiles", nioCore],
        tests: ["Hashing", nioPosix]
    )
    + library(
        "ContainerImages",
        ["Bytes", "Hashing", "HTTPFetch", "JSON", "OCI", "SettingsModel", "SmallFiles", nioCore],
        tests: ["Templates"]
    )
    + library(
        "HostContainers",
        [
            "ContainerImages", "Containers", "Hashing", "HostAPI", "JSON", "OCI", "SettingsModel",
            "SmallFiles",
            "Systemd", nioCore, nioPosix,
        ]
    )
    + library(
        "ContainerExec",
        [
            "Containers", "HostAPI", "HostAPIServer", "JSON", "SmallFiles", nioCore, nioHTTP1, nioPosix,
            nioWebSocket,
        ],
        tests: [logging]
    )
    + library("TUFClient", ["HTTPFetch", "SmallFiles", "TUF"], testFiles: ["conformance"])
    + library("UserData", ["Gzip", "JSON", "SettingsModel", "SmallFiles", "TOML", asyncHTTPClient, nioCore])
    + library(
        "HostSteps",
        [
            "Features", "Hashing", "HostAPI", "HostAPIClient", "HostContainers", "HostHealth", "JSON",
            "SettingsModel", "SettingsStore", "SmallFiles", "Systemd", "UserData", nioCore, nioPosix,
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
        dependencies: [
            "BlockDevices", "BootSlots", "FAT", "GPT", "Hashing", "Processes", "ReleaseManifest",
            "TestSupport", "UpdateFixtures", "Updater", "VirtualMachine",
        ],
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
        .package(url: "https://github.com/apple/swift-nio-http2.git", from: "1.46.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        // Without its default traits, which bring full Foundation and ICU (48 MB).
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
    ],
    targets: system + formats + services + programs + contentTests + machineTests + [
        .target(
            name: "TestSupport",
            dependencies: ["BlockDevices", "Hashing"],
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
