import Debian
import Foundation
import Hashing
import TestSupport
import Testing
import VariantManifest

@testable import ImageBuilder

/// A repository with one container `c` of two small packages, which lie in a cache: no archive is asked.
struct ContainerSite {
    static let time = 1_700_000_000

    let directory: TemporaryDirectory
    let workspace: Workspace

    /// Makes it.
    ///
    /// - Parameters:
    ///   - folder: a folder of the temporary one to lie in; nothing of its name may get into an image.
    ///   - manifest: lines of container.toml behind its description, packages and filter.
    init(in folder: String = "repository", manifest: String = Self.config) throws {
        directory = try TemporaryDirectory()
        let root = directory.file(folder)
        try FileSystem.makeDirectory("\(root)/variants")
        try FileSystem.makeDirectory("\(root)/image/containers/c/rootfs/etc")
        try FileSystem.write([], to: "\(root)/Package.swift")
        workspace = try Workspace(repository: root, cache: directory.file("\(folder)-cache"))
        let text = """
            description = "A container for tests"
            [packages]
            include = ["tool", "library"]
            drop = ["setup"]
            [filter]
            remove = ["/usr/share/doc/**"]
            \(manifest)
            """
        try write("container.toml", text)
        try write("rootfs/etc/motd", "hello\n")
        var packages: [LockedPackage] = []
        for (name, files) in Self.packages { packages.append(try package(name, files)) }
        let list = try PackageList(requested: ["tool", "library"], packages: packages)
        var lock = PackageLock(suites: ["trixie"], components: ["main"], sourceDateEpoch: Self.time)
        lock[.target("amd64")] = list
        try lock.write(to: workspace.lockFile(ofContainer: "c"))
    }

    static let config = "[config]\nentrypoint = [\"/bin/tool\", \"-x\"]\nenv = [\"A=b\"]\nuser = \"7:8\""

    /// Writes a file of the container's folder.
    func write(_ path: String, _ text: String) throws {
        let place = "\(workspace.repository)/image/containers/c/\(path)"
        try FileSystem.makeDirectory((place as NSString).deletingLastPathComponent)
        try FileSystem.write(Array(text.utf8), to: place)
    }

    /// A build of the container for amd64.
    func build() throws -> ContainerBuild {
        var options = ContainerBuild.Options()
        options.architecture = .amd64
        options.offline = true
        return try ContainerBuild(container: "c", options: options, workspace: workspace)
    }

    /// Builds it into its folder.
    ///
    /// A program that another test starts has the lock of the build before for as long as it is a copy of this process.
    func run(_ observer: RecordingObserver = RecordingObserver()) async throws -> ContainerBuild.Outcome {
        for _ in 0..<100 {
            do {
                return try await build().run(archives: { throw CancellationError() }, observer: observer)
            } catch BuildError.locked {
                try await Task.sleep(for: .milliseconds(100))
            }
        }
        throw BuildError.locked(path: try build().folder)
    }

    /// What a build is refused for.
    func refusal() async -> String {
        do {
            _ = try await run()
            return ""
        } catch {
            return "\(error)"
        }
    }

    /// A file of a package: its path, its mode, and its content or, with `->`, its target.
    private typealias File = (path: String, mode: Int, content: String)

    /// The tool is large enough for a layer of its own, the others share one.
    private static let packages: [(String, [File])] = [
        (
            "library",
            [
                ("usr/lib/liba.so.1", 0o644, "library"), ("usr/lib/liba.so", 0o777, "-> liba.so.1"),
                ("usr/share/doc/library/copyright", 0o644, "License: MIT"),
            ]
        ),
        ("setup", [("usr/bin/setup", 0o755, "dropped")]),
        (
            "tool",
            [
                ("usr/bin/tool", 0o4755, "#!" + String(repeating: "t", count: 3 << 19)),
                ("usr/bin/twin", 0o755, "= usr/bin/tool"), ("var/lib/tool/state", 0o600, "s"),
            ]
        ),
    ]

    /// Makes a package with dpkg-deb and puts it into the cache.
    private func package(_ name: String, _ files: [File]) throws -> LockedPackage {
        let tree = directory.file("packages/\(name)")
        let deb = directory.file("packages/\(name).deb")
        try FileSystem.makeDirectory("\(tree)/DEBIAN")
        let control = """
            Package: \(name)
            Version: 1.0
            Architecture: amd64
            Maintainer: Nobody <nobody@example.org>
            Description: a test

            """
        try FileSystem.write(Array(control.utf8), to: "\(tree)/DEBIAN/control")
        for (path, mode, content) in files {
            let place = "\(tree)/\(path)"
            try FileSystem.makeDirectory((place as NSString).deletingLastPathComponent)
            if content.hasPrefix("-> ") {
                #expect(symlink(String(content.dropFirst(3)), place) == 0)
            } else if content.hasPrefix("= ") {
                #expect(link("\(tree)/\(content.dropFirst(2))", place) == 0)
            } else {
                try FileSystem.write(Array(content.utf8), to: place)
                #expect(chmod(place, mode_t(mode)) == 0)
            }
        }
        // Not even the packages tell when they were made.
        let (status, output) = try runTool(
            "env",
            "SOURCE_DATE_EPOCH=\(Self.time)",
            "dpkg-deb",
            "--root-owner-group",
            "-Znone",
            "--build",
            tree,
            deb
        )
        try #require(status == 0, "\(output)")
        let digest = try SHA256Digest(hashingFile: deb)
        let package = try LockedPackage(
            name: name,
            version: "1.0",
            architecture: "amd64",
            archive: .debian,
            filename: "pool/main/\(name)_1.0_amd64.deb",
            size: Int(try FileSystem.size(deb)),
            sha256: digest,
            source: name,
            sourceVersion: "1.0",
            section: "admin",
            installedSize: 1
        )
        let place = PackageCache(root: workspace.cache).path(of: package)
        try FileSystem.makeDirectory((place as NSString).deletingLastPathComponent)
        try FileSystem.copy(deb, to: place)
        return package
    }
}
