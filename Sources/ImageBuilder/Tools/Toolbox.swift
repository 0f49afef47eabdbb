import Debian
import FileTree
import Foundation
import Hashing
import Processes

/// The locked programs that shape an image's bytes, unpacked, and the sandbox they run in.
///
/// A tool sees its own tree as `/`, read-only, the directories it is given below `/work`, and nothing else: no
/// network, no home, no file system of the build machine (bwrap(1)).
struct Toolbox: Sendable {
    /// The Debian packages that hold the tools.
    static let packages = [
        "binutils", "dosfstools", "erofs-utils", "kmod", "libc-bin", "mtools", "qemu-utils", "systemd",
        "systemd-ukify", "zstd",
    ]

    /// The directory that holds the tools' tree.
    let root: String
    /// What the tools are: the digest of all their packages.
    let digest: SHA256Digest
    /// The time that the tools take for now, in seconds since 1970.
    let sourceDateEpoch: Int64

    /// Unpacks the tools, unless that was done before.
    static func prepare(
        packages: [UnpackedPackage],
        cache: StageCache,
        sourceDateEpoch: Int64
    ) async throws -> (Toolbox, cached: Bool) {
        var key = StageKey("tools", version: 2)
        key.add("packages", packages.map(\.digest.hex).sorted())
        if let path = cache.lookUp("tools", key) {
            return (Toolbox(root: path + "/root", digest: key.digest, sourceDateEpoch: sourceDateEpoch), true)
        }
        let path = try await cache.fill("tools", key) { directory in
            var tree = FileTree()
            try tree.addMergedUsrAliases(origin: "tools")
            try UnpackedPackage.insert(packages, into: &tree)
            for mountPoint in ["/dev", "/proc", "/tmp", "/work"] where !tree.contains(mountPoint) {
                try tree.insert(.directory(origin: "tools"), at: mountPoint)
            }
            for unused in ["/usr/share/doc", "/usr/share/man", "/usr/share/locale"]
            where tree.contains(unused) {
                try tree.remove(unused, recursive: true)
            }
            try tree.materialise(["/"], to: directory + "/root")
        }
        return (Toolbox(root: path + "/root", digest: key.digest, sourceDateEpoch: sourceDateEpoch), false)
    }

    /// Runs a tool in the sandbox.
    ///
    /// - Parameters:
    ///   - arguments: program and arguments; paths below `/work` mean the work directory.
    ///   - work: the directory of the build machine that the tool may read and write as `/work`.
    ///   - environment: what it sees besides PATH, LC_ALL, TZ, HOME and SOURCE_DATE_EPOCH.
    ///   - timeout: how long it may take.
    /// - Throws: `BuildError.tool` with the tool's last words; `ProcessError` when it could not run at all.
    @discardableResult
    func run(
        _ arguments: [String],
        work: String,
        environment: [String: String] = [:],
        timeout: Duration = .seconds(1800)
    ) async throws -> CommandOutput {
        var variables = [
            "PATH": "/usr/sbin:/usr/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC", "HOME": "/tmp",
            "SOURCE_DATE_EPOCH": String(sourceDateEpoch), "PYTHONDONTWRITEBYTECODE": "1",
            "MTOOLSRC": "/dev/null",
        ]
        variables.merge(environment) { _, new in new }
        var command = [
            "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL",
            "--ro-bind", root, "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp",
            "--bind", work, "/work", "--chdir", "/work", "--clearenv",
        ]
        for (name, value) in variables.sorted(by: { $0.key < $1.key }) {
            command += ["--setenv", name, value]
        }
        let sandboxed = Command(
            "bwrap",
            command + ["--"] + arguments,
            timeout: timeout,
            remedy: "install it: apt-get install bubblewrap"
        )
        do {
            return try await sandboxed.run()
        } catch {
            // The sandbox's own arguments say nothing to the reader.
            guard case .failed(_, let status, let message) = error else { throw error }
            throw BuildError.tool(name: arguments.first ?? "bwrap", detail: "\(status): \(message)")
        }
    }
}
