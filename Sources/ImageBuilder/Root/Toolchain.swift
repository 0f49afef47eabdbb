import Foundation
import Hashing
import Processes
import VariantManifest

/// The Swift that compiles the programs of an image.
struct Toolchain: Sendable {
    /// The directory of its runtime libraries.
    let runtime: String
    /// Its C compiler, which links, too.
    let compiler: String
    /// What decides the bytes it makes, besides the sources: its version, its runtime, and what the link takes from
    /// the build machine.
    let digest: SHA256Digest

    /// What the link takes from the build machine: start files, stubs, and the libraries that programs name.
    ///
    /// Each library stands for its headers, too: Debian releases them together.
    static let linkInputs = [
        "crt1.o", "Scrt1.o", "crti.o", "crtn.o", "crtbeginS.o", "crtendS.o", "libgcc.a", "libc.so",
        "libc.so.6",
        "libc_nonshared.a", "libm.so.6", "libcrypto.so", "libstdc++.so", "libsystemd.so", "libz.so",
        "libzstd.so",
    ]

    /// Variables of the caller that reach the compiler; no other may: CPATH or LIBRARY_PATH would change its output.
    ///
    /// SwiftPM fetches the packages that a program uses.
    private static let passed: Set<String> = [
        "PATH", "HOME", "TMPDIR", "http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTP_PROXY",
        "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO",
    ]

    /// Asks the Swift in PATH what it is.
    ///
    /// - Throws: `BuildError.unsupported` unless it is the version in `.swift-version`; `ProcessError`.
    static func find(repository: String) async throws -> Toolchain {
        let wanted = try BuildMachine.swiftVersion(repository: repository)
        let version = try await command(
            "swift",
            ["--version"],
            remedy: "install Swift \(wanted) and put it into PATH"
        ).run().text
        guard version.contains("Swift version \(wanted) ") else {
            let found = version.split(separator: "\n").first.map(String.init) ?? "none"
            throw BuildError.unsupported(
                """
                the programs of an image are compiled with Swift \(wanted) (.swift-version), but 'swift' is: \(found)
                """
            )
        }
        let paths = try await targetPaths()
        guard let runtime = paths.runtimeLibraryPaths.first(where: hasRuntime) else {
            throw BuildError.missing(
                what: "the Swift runtime (libswiftCore.so)",
                remedy: "install Swift anew"
            )
        }
        var key = StageKey("toolchain", version: 1)
        key.add("version", version)
        for name in try FileManager.default.contentsOfDirectory(atPath: runtime)
        where name.hasSuffix(".so") {
            key.add("runtime/\(name)", try SHA256Digest(hashingFile: "\(runtime)/\(name)"))
        }
        let compiler =
            ((paths.runtimeResourcePath as NSString).deletingLastPathComponent as NSString)
            .deletingLastPathComponent + "/bin/clang"
        let directories = try await linkDirectories(compiler)
        for name in linkInputs {
            let found = directories.lazy.map { "\($0)/\(name)" }.first(where: FileSystem.exists)
            key.add("link/\(name)", try found.map { try SHA256Digest(hashingFile: $0).hex } ?? "none")
        }
        let linker = try? Command("ld.gold").resolvedExecutable()
        key.add("linker", try linker.map { try SHA256Digest(hashingFile: $0).hex } ?? "none")
        return Toolchain(runtime: runtime, compiler: compiler, digest: key.digest)
    }

    /// A command with nothing of the caller's environment but what it needs.
    static func command(
        _ program: String,
        _ arguments: [String],
        timeout: Duration = .seconds(600),
        remedy: String? = nil
    ) -> Command {
        Command(
            program,
            arguments,
            environment: environment(from: ProcessInfo.processInfo.environment),
            timeout: timeout,
            remedy: remedy
        )
    }

    /// The part of an environment that the compiler gets.
    static func environment(from inherited: [String: String]) -> [String: String] {
        var environment = inherited.filter { passed.contains($0.key) }
        environment["LC_ALL"] = "C.UTF-8"
        environment["HOME"] = environment["HOME"] ?? NSHomeDirectory()
        return environment
    }

    /// What can be told of the toolchain without starting a process: another one has another stamp.
    static func stamp(repository: String) -> String {
        let version = (try? BuildMachine.swiftVersion(repository: repository)) ?? "none"
        guard let found = try? Command("swift").resolvedExecutable(), let path = realPath(found) else {
            return version
        }
        let programs = (path as NSString).deletingLastPathComponent
        let files = [path, programs + "/swift-frontend", programs + "/../lib/swift/linux/libswiftCore.so"]
        return ([version] + files.map { Self.look(at: $0) }).joined(separator: "\n")
    }

    private static func look(at path: String) -> String {
        var status = stat()
        guard stat(path, &status) == 0 else { return "\(path) none" }
        return "\(path) \(status.st_size) \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
    }

    private static func realPath(_ path: String) -> String? {
        guard let real = realpath(path, nil) else { return nil }
        defer { free(real) }
        return String(cString: real)
    }

    private struct Paths: Decodable {
        let runtimeLibraryPaths: [String]
        let runtimeResourcePath: String
    }

    private static func targetPaths() async throws -> Paths {
        struct TargetInfo: Decodable { let paths: Paths }
        let output = try await command("swiftc", ["-print-target-info"]).run()
        return try JSONDecoder().decode(TargetInfo.self, from: Data(output.standardOutput)).paths
    }

    private static func hasRuntime(_ directory: String) -> Bool {
        FileSystem.exists(directory + "/libswiftCore.so")
    }

    /// Where the toolchain's clang, which links, looks for files, in its order.
    private static func linkDirectories(_ compiler: String) async throws -> [String] {
        let output = try await command(compiler, ["-print-search-dirs"], remedy: "install Swift anew").run()
        let prefix = "libraries: ="
        guard let line = output.text.split(separator: "\n").first(where: { $0.hasPrefix(prefix) }) else {
            throw BuildError.unsupported(
                "'\(compiler) -print-search-dirs' does not say where libraries are; install Swift anew"
            )
        }
        return line.dropFirst(prefix.count).split(separator: ":").map(String.init)
    }
}
