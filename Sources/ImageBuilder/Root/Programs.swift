import ELF
import FileTree
import Foundation
import Hashing
import Processes
import VariantManifest

/// The Swift programs of the host, with the one copy of the Swift runtime they share.
///
/// They are compiled from this repository, for the build machine's own architecture: a foreign one needs programs
/// that were compiled there.
struct Programs: Sendable {
    /// The products of Package.swift that go into images.
    static let names = ["hostd"]
    /// Where programs and runtime lie in the image.
    static let programDirectory = "/usr/lib/bulkhead"
    static let runtimeDirectory = "/usr/lib/swift/linux"

    /// Compiles and strips the programs, unless sources and compiler are those of an earlier build.
    ///
    /// - Returns: a tree with programs and runtime.
    static func prepare(
        repository: String,
        toolbox: Toolbox,
        cache: StageCache
    ) async throws -> (tree: FileTree, cached: Bool) {
        let compiler = try await compilerVersion(repository: repository)
        var key = StageKey("programs", version: 1)
        key.add("compiler", compiler)
        key.add("tools", toolbox.digest)
        key.add("programs", names)
        key.add("sources", try sourceDigest(repository: repository))
        if let directory = cache.lookUp("programs", key) {
            return (try BlobIndex.load(directory: directory, origin: "programs"), true)
        }
        let directory = try await cache.fill("programs", key) { directory in
            let tree = try await compile(repository: repository, toolbox: toolbox, cache: cache)
            try BlobIndex.save(tree, directory: directory)
        }
        return (try BlobIndex.load(directory: directory, origin: "programs"), false)
    }

    /// The sources that the programs are compiled from: everything the compiler may see.
    static func sourceDigest(repository: String) throws -> SHA256Digest {
        let sources = try FileTree.load(
            directory: repository + "/Sources",
            origin: "sources",
            limit: 64 << 20
        )
        let package = try FileSystem.read(repository + "/Package.swift", limit: 1 << 20)
        return SHA256Digest(hashing: sources.digest().hex + SHA256Digest(hashing: package).hex)
    }

    private static func compilerVersion(repository: String) async throws -> String {
        let wanted = try FileSystem.read(repository + "/.swift-version", limit: 100)
        let version = String(decoding: wanted, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        let output = try await Command(
            "swift",
            ["--version"],
            remedy: "install Swift \(version) and put it into PATH"
        ).run().text
        guard output.contains("Swift version \(version) ") else {
            let found = output.split(separator: "\n").first.map(String.init) ?? "none"
            throw BuildError.unsupported(
                "the programs of an image are compiled with Swift \(version) (.swift-version), but 'swift' is: \(found)"
            )
        }
        return version
    }

    private static func compile(repository: String, toolbox: Toolbox, cache: StageCache) async throws
        -> FileTree
    {
        let scratch = cache.root + "/../swift-build"
        var arguments = [
            "build", "--configuration", "release", "--package-path", repository, "--scratch-path", scratch,
            "-Xswiftc", "-no-toolchain-stdlib-rpath", "-Xswiftc", "-gnone",
            "-Xlinker", "--build-id=none", "-Xlinker", "-rpath", "-Xlinker", runtimeDirectory,
        ]
        for name in names {
            try await Command("swift", arguments + ["--product", name], timeout: .seconds(3600)).run()
        }
        arguments.append("--show-bin-path")
        let built = try await Command("swift", arguments).run().text.trimmingCharacters(
            in: .whitespacesAndNewlines
        )

        let work = try WorkDirectory(cache: cache)
        var tree = FileTree()
        for name in names {
            try await strip("\(built)/\(name)", name: name, toolbox: toolbox, work: work)
            try tree.insert(
                .file(FileSystem.read(work.file(name)), mode: 0o755, origin: "programs"),
                at: "\(programDirectory)/\(name)"
            )
        }
        let toolchain = try await runtimeSource()
        var pending = try names.flatMap { try ELFFile(FileSystem.read(work.file($0))).needed }
        while let library = pending.popLast() {
            let place = "\(runtimeDirectory)/\(library)"
            guard !tree.contains(place), FileSystem.exists("\(toolchain)/\(library)") else { continue }
            try await strip("\(toolchain)/\(library)", name: library, toolbox: toolbox, work: work)
            let bytes = try FileSystem.read(work.file(library))
            try tree.insert(.file(bytes, mode: 0o644, origin: "swift runtime"), at: place)
            pending += try ELFFile(bytes).needed
        }
        return tree
    }

    /// Strips what differs between two builds of the same sources: symbols, and the hash of the module's path.
    private static func strip(_ path: String, name: String, toolbox: Toolbox, work: WorkDirectory)
        async throws
    {
        try FileSystem.copy(path, to: work.file(name + ".in"))
        try await toolbox.run(
            [
                "objcopy", "--strip-unneeded", "--remove-section=.swift_modhash", "/work/\(name).in",
                "/work/\(name)",
            ],
            work: work.path
        )
    }

    /// The toolchain's directory of runtime libraries.
    private static func runtimeSource() async throws -> String {
        struct TargetInfo: Decodable {
            struct Paths: Decodable { let runtimeLibraryPaths: [String] }
            let paths: Paths
        }
        let output = try await Command("swiftc", ["-print-target-info"]).run()
        let info = try JSONDecoder().decode(TargetInfo.self, from: Data(output.standardOutput))
        guard
            let path = info.paths.runtimeLibraryPaths.first(where: {
                FileSystem.exists($0 + "/libswiftCore.so")
            })
        else {
            throw BuildError.missing(
                what: "the Swift runtime (libswiftCore.so)",
                remedy: "install Swift anew"
            )
        }
        return path
    }
}
