import Foundation
import Hashing
import TestSupport

@testable import Debian

/// A small Debian archive made with Debian's own tools, in a temporary directory.
///
/// Below the directory lie `debian` and `debian-security`, as mirrors have them.
struct TestArchive {
    let directory: TemporaryDirectory

    init() throws {
        directory = try TemporaryDirectory()
    }

    var fileAddress: String { "file:\(directory.file("debian"))" }

    func archives(_ trust: ArchiveTrust = .unsigned) throws -> AptArchives {
        try AptArchives(mirror: fileAddress, trust: trust)
    }

    static func root(of suite: String) -> String { ArchiveName(suite: suite).rawValue }

    /// Builds a package into a suite's pool.
    func add(
        _ name: String,
        _ version: String,
        architecture: String = "amd64",
        suite: String = "trixie",
        fields: [String: String] = [:],
        contentSize: Int = 0
    ) throws {
        let tree = directory.file("build-\(UUID().uuidString)")
        let pool = directory.file("\(Self.root(of: suite))/pool/\(suite)/main")
        let manager = FileManager.default
        try manager.createDirectory(atPath: "\(tree)/DEBIAN", withIntermediateDirectories: true)
        try manager.createDirectory(atPath: pool, withIntermediateDirectories: true)
        defer { try? manager.removeItem(atPath: tree) }
        var control = """
            Package: \(name)
            Version: \(version)
            Architecture: \(architecture)
            Maintainer: Nobody <nobody@example.org>
            Description: a package for tests

            """
        for (key, value) in fields.sorted(by: { $0.key < $1.key }) { control += "\(key): \(value)\n" }
        try control.write(toFile: "\(tree)/DEBIAN/control", atomically: true, encoding: .utf8)
        if contentSize > 0 {
            var generator = SystemRandomNumberGenerator()
            let content = (0..<contentSize).map { _ in UInt8.random(in: 0...255, using: &generator) }
            try Data(content).write(to: URL(filePath: "\(tree)/content"))
        }
        let shortVersion = version.split(separator: ":").last.map(String.init) ?? version
        let file = "\(pool)/\(name)_\(shortVersion)_\(architecture).deb"
        let result = try runTool("dpkg-deb", "--root-owner-group", "-Znone", "--build", tree, file)
        guard result.status == 0 else { throw TestArchiveError(text: result.output) }
    }

    func remove(_ name: String, _ version: String, architecture: String = "amd64", suite: String = "trixie")
        throws
    {
        let pool = directory.file("\(Self.root(of: suite))/pool/\(suite)/main")
        try FileManager.default.removeItem(atPath: "\(pool)/\(name)_\(version)_\(architecture).deb")
    }

    /// Writes the indexes of some suites; `edit` may spoil an index after its hash went into the release file.
    func publish(
        _ suites: [String] = ["trixie", "trixie-updates", "trixie-security"],
        architectures: [String] = ["amd64"],
        signer: TestSigner? = nil,
        edit: (String) -> String = { $0 }
    ) throws {
        for suite in suites {
            let root = directory.file(Self.root(of: suite))
            let pool = "pool/\(suite)/main"
            let dists = "\(root)/dists/\(suite)"
            let manager = FileManager.default
            try manager.createDirectory(atPath: "\(root)/\(pool)", withIntermediateDirectories: true)
            var release = """
                Origin: Test
                Label: Test
                Suite: stable
                Codename: \(suite)
                Date: Wed, 01 Jan 2025 00:00:00 UTC
                Architectures: \(architectures.joined(separator: " "))
                Components: main
                SHA256:

                """
            for architecture in architectures {
                let script = "cd '\(root)' && dpkg-scanpackages -m -a \(architecture) \(pool) 2>/dev/null"
                let packages = try runTool("sh", "-c", script).output
                let path = "main/binary-\(architecture)/Packages"
                let folder = "\(dists)/main/binary-\(architecture)"
                try manager.createDirectory(atPath: folder, withIntermediateDirectories: true)
                try edit(packages).write(toFile: "\(dists)/\(path)", atomically: true, encoding: .utf8)
                release += " \(SHA256Digest(hashing: packages).hex) \(packages.utf8.count) \(path)\n"
            }
            try? manager.removeItem(atPath: "\(dists)/InRelease")
            try release.write(toFile: "\(dists)/Release", atomically: true, encoding: .utf8)
            try signer?.sign("\(dists)/Release", as: "\(dists)/InRelease")
            if signer == nil {
                try release.write(toFile: "\(dists)/InRelease", atomically: true, encoding: .utf8)
            }
        }
    }

    func resolver(
        _ trust: ArchiveTrust = .unsigned,
        architecture: String = "amd64",
        suites: AptSuites = .trixie
    ) throws -> AptResolver {
        try AptResolver(
            archives: archives(trust),
            suites: suites,
            architecture: architecture,
            stateDirectory: directory.file("state")
        )
    }

    /// All packages of a suite as a lock has them.
    func packages(suite: String = "trixie", architecture: String = "amd64") throws -> [LockedPackage] {
        let path = "\(Self.root(of: suite))/dists/\(suite)/main/binary-\(architecture)/Packages"
        let text = try String(contentsOfFile: directory.file(path), encoding: .utf8)
        return try AptRecord.parse(text).compactMap { try $0.package(in: ArchiveName(suite: suite)) }
    }
}

struct TestArchiveError: Error {
    let text: String
}

/// An OpenPGP key of a test's own.
struct TestSigner {
    let home: String
    let keyring: String

    init(in directory: TemporaryDirectory, name: String) throws {
        home = directory.file("gpg-\(name)")
        keyring = directory.file("\(name).gpg")
        try FileManager.default.createDirectory(
            atPath: home,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700]
        )
        try gpg("--passphrase", "", "--quick-generate-key", "\(name)@example.org", "rsa2048", "sign", "never")
        try gpg("--output", keyring, "--export")
    }

    func sign(_ file: String, as signed: String) throws {
        try gpg("--digest-algo", "SHA512", "--output", signed, "--clearsign", file)
        _ = try runTool("gpgconf", "--homedir", home, "--kill", "gpg-agent")
    }

    private func gpg(_ arguments: String...) throws {
        let result = try runTool(
            "gpg",
            ["--homedir", home, "--batch", "--yes", "--pinentry-mode", "loopback"] + arguments
        )
        guard result.status == 0 else { throw TestArchiveError(text: result.output) }
    }
}

/// A web server on the loopback interface that ends with the test.
final class LoopbackServer {
    let port: Int
    private let process = Process()
    private let input = Pipe()

    /// Serves a directory.
    ///
    /// A file beside which lies `NAME.short` is cut off in the middle, one beside which
    /// lies `NAME.slow` never ends.
    init(_ directory: String) throws {
        let script = """
            import http.server, os, sys, threading, time
            class Handler(http.server.SimpleHTTPRequestHandler):
                protocol_version = 'HTTP/1.1'
                def log_message(self, *arguments): pass
                def copyfile(self, source, output):
                    path = self.translate_path(self.path)
                    if os.path.exists(path + '.short'):
                        output.write(source.read(os.path.getsize(path) // 2))
                        output.flush()
                        self.close_connection = True
                    elif os.path.exists(path + '.slow'):
                        output.write(source.read(os.path.getsize(path) // 2))
                        output.flush()
                        time.sleep(300)
                    else:
                        super().copyfile(source, output)
            # Ends with the test program, however that ends.
            threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
            os.chdir(sys.argv[1])
            server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
            print(server.server_address[1], flush=True)
            server.serve_forever()
            """
        let pipe = Pipe()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["python3", "-c", script, directory]
        process.standardOutput = pipe
        process.standardInput = input
        try process.run()
        let line = String(decoding: pipe.fileHandleForReading.availableData, as: UTF8.self)
        guard let port = Int(line.trimmingCharacters(in: .whitespacesAndNewlines)) else {
            throw TestArchiveError(text: "the web server did not start: \(line)")
        }
        self.port = port
    }

    var address: String { "http://127.0.0.1:\(port)" }

    func stop() {
        guard process.isRunning else { return }
        // Foundation starts it with the signal mask of a worker thread, which blocks SIGTERM.
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    deinit {
        stop()
    }
}
