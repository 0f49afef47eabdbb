import Debian
import Foundation
import Hashing
import Testing
import VariantManifest

@testable import ImageBuilder

@Suite struct LockingTests {
    private func list(_ names: [String], version: String = "1") throws -> PackageList {
        try PackageList(
            requested: names,
            packages: names.map {
                try LockedPackage(
                    name: $0,
                    version: version,
                    architecture: "amd64",
                    archive: .debian,
                    filename: "pool/main/\($0)_\(version).deb",
                    size: 1,
                    sha256: SHA256Digest(hashing: $0 + version),
                    source: $0,
                    sourceVersion: version,
                    section: "admin",
                    installedSize: 1
                )
            }
        )
    }

    /// What a manifest asks for was locked.
    @Test func theLocksOfThisRepositoryAreThoseOfItsManifests() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().path
        let names = try Variant.list(repository: root)
        #expect(!names.isEmpty)
        for name in names {
            let variant = try Variant.load(name, repository: root)
            let lock = try PackageLock(file: Workspace(repository: root).lockFile(of: name))
            for architecture in variant.architectures {
                let wanted = try variant.resolved(for: architecture).requestedPackages.map(\.name)
                let packages = try lock.packages(of: .target(architecture.rawValue), requested: wanted)
                #expect(Set(wanted).isSubset(of: packages.map(\.name)))
            }
            for architecture in Architecture.allCases {
                _ = try lock.packages(of: .tools(architecture.rawValue), requested: Toolbox.packages)
            }
        }
    }

    /// And what a container has in common with the image around it comes in one version, which one update brings.
    @Test func theLocksOfContainersAreThoseOfTheirManifests() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().path
        let workspace = try Workspace(repository: root)
        let image = try PackageLock(file: workspace.lockFile(of: "vm-containerd"))
        let names = ContainerManifest.list(repository: root)
        #expect(!names.isEmpty)
        for name in names {
            let lock = try PackageLock(file: workspace.lockFile(ofContainer: name))
            for architecture in Architecture.allCases {
                let manifest = try ContainerManifest.load(name, for: architecture, repository: root)
                let list = PackageLock.ListName.target(architecture.rawValue)
                let packages = try lock.packages(of: list, requested: manifest.packages.map(\.name))
                let locked = Dictionary(
                    uniqueKeysWithValues: (image[list]?.packages ?? []).map { ($0.name, $0.version) }
                )
                for package in packages {
                    guard let version = locked[package.name] else { continue }
                    #expect(package.version == version, "\(package.name) of \(name), \(architecture)")
                }
            }
        }
    }

    @Test func theTimeMovesOnlyWhenAListChangesThatWasThere() throws {
        var old = PackageLock(suites: ["trixie"], components: ["main"], sourceDateEpoch: 7)
        old[.target("amd64")] = try list(["containerd"])
        old[.tools("amd64")] = try list(["zstd"])
        var new = old
        new.sourceDateEpoch = 0
        #expect(Locking.sourceDateEpoch(of: new, after: nil, now: 9) == 9)
        #expect(Locking.sourceDateEpoch(of: new, after: old, now: 9) == 7)
        // The tools of another architecture change no image of this one.
        new[.tools("arm64")] = try list(["zstd"])
        #expect(Locking.sourceDateEpoch(of: new, after: old, now: 9) == 7)
        new[.tools("amd64")] = try list(["zstd"], version: "2")
        #expect(Locking.sourceDateEpoch(of: new, after: old, now: 9) == 9)
    }

    @Test func namesThatNoListHasAreRefused() throws {
        var old = PackageLock(suites: ["trixie"], components: ["main"])
        old[.target("amd64")] = try list(["openssl"])
        try Locking.check(.everything, requested: [], old: nil)
        try Locking.check(.packages(["openssl", "new"]), requested: ["new"], old: old)
        let error = #expect(throws: BuildError.self) {
            try Locking.check(.packages(["opensl", "openssl"]), requested: ["new"], old: old)
        }
        #expect(error?.description.contains("has: opensl;") == true)
    }

    @Test(arguments: ["", "today", "1.5", "-1", "4294967296", "99999999999999999999"])
    func aTimeThatIsNoneIsRefused(_ text: String) {
        #expect(throws: BuildError.self) { try Locking.now(["SOURCE_DATE_EPOCH": text]) }
    }

    @Test func theTimeIsTakenFromTheEnvironment() throws {
        #expect(try Locking.now(["SOURCE_DATE_EPOCH": "1700000000"]) == 1_700_000_000)
        #expect(try Locking.now([:]) > 1_700_000_000)
    }

    @Test func anImageForAnotherArchitectureNeedsTheFlag() throws {
        let own = BuildMachine.architecture
        try ImageBuild.checkPrograms(architecture: own, without: false)
        let other: Architecture = own == .amd64 ? .arm64 : .amd64
        try ImageBuild.checkPrograms(architecture: other, without: true)
        let error = #expect(throws: BuildError.self) {
            try ImageBuild.checkPrograms(architecture: other, without: false)
        }
        #expect(error?.description.contains("--without-programs") == true)
        #expect(error?.description.contains("\(other)") == true)
    }
}
