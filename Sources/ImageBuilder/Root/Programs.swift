import ELF
import FileTree
import Foundation
import Hashing
import Processes

/// The Swift programs of the host, with the one copy of the Swift runtime they share.
///
/// They are compiled from this repository, for the build machine's own architecture: a foreign one needs programs
/// that were compiled there.
struct Programs: Sendable {
    /// The product of Package.swift that goes into images: all programs of the host in one (docs/decisions/0006).
    static let product = "bulkhead-host"
    /// The names it is called by, and so what it is.
    static let links = [
        "/usr/bin/apiclient": "../lib/bulkhead/bulkhead-host",
        "/usr/bin/updater": "../lib/bulkhead/bulkhead-host",
        "/usr/lib/bulkhead/apiserver": "bulkhead-host",
        "/usr/lib/bulkhead/hostd": "bulkhead-host",
        "/usr/lib/bulkhead/updater": "bulkhead-host",
    ]
    /// The file of a stage that names the Swift packages.
    private static let packagesFile = "packages.json"
    /// None: what an image without programs has.
    static let none = Programs(tree: FileTree(), packages: [])

    /// Programs and runtime.
    let tree: FileTree
    /// The Swift packages that the programs are linked from.
    let packages: [SwiftPackage]

    /// Where programs and runtime lie in the image.
    static let programDirectory = "/usr/lib/bulkhead"
    static let runtimeDirectory = "/usr/lib/swift/linux"

    /// Compiles and strips the programs, unless sources and compiler are those of an earlier build.
    ///
    /// - Returns: the programs, and whether they were there.
    static func prepare(
        repository: String,
        toolbox: Toolbox,
        cache: StageCache,
        observer: any BuildObserver
    ) async throws -> (Programs, cached: Bool) {
        let toolchain = try await Toolchain.find(repository: repository)
        let sources = try sourceDigest(repository: repository)
        var key = StageKey("programs", version: 6)
        key.add("toolchain", toolchain.digest)
        key.add("tools", toolbox.digest)
        key.add("programs", [product] + links.map { "\($0.key) -> \($0.value)" }.sorted())
        key.add("sources", sources)
        if let directory = cache.lookUp("programs", key) {
            return (try load(directory), true)
        }
        // Held until the programs are copied: another build would compile others in their place.
        let scratch = try await CompilerScratch.take(
            repository: repository,
            cache: cache,
            observer: observer
        )
        defer { withExtendedLifetime(scratch) {} }
        if let directory = cache.lookUp("programs", key) {
            return (try load(directory), true)
        }
        let directory = try await cache.fill("programs", key) { directory in
            let programs = try await unchanged(sources, repository: repository) {
                try await compile(
                    repository: repository,
                    scratch: scratch,
                    toolchain: toolchain,
                    toolbox: toolbox,
                    cache: cache
                )
            }
            try BlobIndex.save(programs.tree, directory: directory)
            let list = try JSONEncoder().encode(programs.packages)
            try FileSystem.write([UInt8](list), to: "\(directory)/\(packagesFile)")
        }
        return (try load(directory), false)
    }

    /// The tree of a filled stage; the names that lead to the program are not files, so the stage does not hold them.
    private static func load(_ directory: String) throws -> Programs {
        var tree = try BlobIndex.load(directory: directory, origin: "programs")
        for (place, target) in links.sorted(by: { $0.key < $1.key }) {
            try tree.insert(.symlink(to: target, origin: "programs"), at: place)
        }
        let list = try FileSystem.read("\(directory)/\(packagesFile)", limit: 1 << 20)
        return Programs(tree: tree, packages: try JSONDecoder().decode([SwiftPackage].self, from: Data(list)))
    }

    /// Runs work on the sources, and makes sure that they are afterwards what they were before.
    ///
    /// - Throws: `BuildError.changed`, and what the work throws.
    static func unchanged<Result>(
        _ sources: SHA256Digest,
        repository: String,
        _ body: () async throws -> Result
    ) async throws -> Result {
        let result = try await body()
        guard try sourceDigest(repository: repository) == sources else {
            throw BuildError.changed("the sources in '\(repository)'")
        }
        return result
    }

    /// The sources that the programs are compiled from: everything the compiler may see.
    ///
    /// Of the Swift packages that they use, `Package.resolved` stands for the sources: SwiftPM keeps to its revisions.
    ///
    /// - Throws: `BuildError.missing` without that file, as then nobody knows which versions would be compiled.
    static func sourceDigest(repository: String) throws -> SHA256Digest {
        let sources = try FileTree.load(
            directory: repository + "/Sources",
            origin: "sources",
            limit: 64 << 20
        )
        let versions = repository + "/Package.resolved"
        guard FileSystem.exists(versions) else {
            throw BuildError.missing(
                what: "'\(versions)', which says with which Swift packages programs are compiled,",
                remedy: "run 'swift package resolve' there, or copy it from where the same image was built"
            )
        }
        let files = try ["Package.swift", "Package.resolved"].map { name in
            SHA256Digest(hashing: try FileSystem.read("\(repository)/\(name)", limit: 1 << 20)).hex
        }
        return SHA256Digest(hashing: sources.digest().hex + files.joined())
    }

    private static func text(_ path: String) throws -> String {
        String(decoding: try FileSystem.read(path, limit: 64 << 20), as: UTF8.self)
    }

    private static func compile(
        repository: String,
        scratch: CompilerScratch,
        toolchain: Toolchain,
        toolbox: Toolbox,
        cache: StageCache
    ) async throws -> Programs {
        let arguments = [
            "--configuration", "release", "-Xswiftc", "-no-toolchain-stdlib-rpath", "-Xswiftc", "-gnone",
            "-Xlinker", "--build-id=none", "-Xlinker", "-rpath", "-Xlinker", runtimeDirectory,
        ]
        try await scratch.swiftBuild(arguments + ["--product", product], timeout: .seconds(3600)).run()
        let shown = try await scratch.swiftBuild(arguments + ["--show-bin-path"], timeout: .seconds(600))
            .run()
        let built = scratch.outside(shown.text.trimmingCharacters(in: .whitespacesAndNewlines))

        let work = try WorkDirectory(cache: cache)
        var tree = FileTree()
        try await strip("\(built)/\(product)", name: product, toolbox: toolbox, work: work)
        let program = try FileSystem.read(work.file(product))
        try tree.insert(
            .file(program, mode: 0o755, origin: "programs"),
            at: "\(programDirectory)/\(product)"
        )
        var pending = try ELFFile(program).needed
        while let library = pending.popLast() {
            let place = "\(runtimeDirectory)/\(library)"
            guard !tree.contains(place), FileSystem.exists("\(toolchain.runtime)/\(library)") else {
                continue
            }
            try await strip("\(toolchain.runtime)/\(library)", name: library, toolbox: toolbox, work: work)
            let bytes = try FileSystem.read(work.file(library))
            try tree.insert(.file(bytes, mode: 0o644, origin: "swift runtime"), at: place)
            pending += try ELFFile(bytes).needed
        }
        let packages = try SwiftPackage.linked(
            list: text("\(built)/\(product).product/Objects.LinkFileList"),
            resolved: FileSystem.read("\(repository)/Package.resolved", limit: 1 << 20)
        ) { folder in
            let sources = scratch.outside(folder) + "/sources"
            return FileSystem.exists(sources) ? try text(sources) : nil
        }
        return Programs(tree: tree, packages: packages)
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
}
