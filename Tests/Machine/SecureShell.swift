import Foundation
import TestSupport
import Testing

/// ssh(1) into a guest, through a port of this machine that leads to the guest's.
final class SecureShell: Sendable {
    /// What a command did.
    struct Result: Sendable {
        let status: Int32
        /// Standard output and standard error.
        let output: String
    }

    /// The port here.
    let port: UInt16
    /// The public key, as it stands in authorized_keys(5).
    let publicKey: String
    private let place: TemporaryDirectory
    private let user: String

    /// Makes a key.
    init(user: String) throws {
        place = try TemporaryDirectory()
        self.user = user
        port = UInt16(try #require(try freePorts(1).first))
        let (status, output) = try runTool(
            "ssh-keygen",
            ["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", place.file("key")]
        )
        try #require(status == 0, "ssh-keygen: \(output)")
        publicKey = try String(contentsOfFile: place.file("key.pub"), encoding: .utf8)
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Runs a command in the guest and waits for its end, for up to five minutes.
    ///
    /// - Parameter terminal: whether it gets a terminal, though there is none here.
    func run(_ command: String, terminal: Bool = false) throws -> Result {
        let (status, output) = try runTool(
            "timeout",
            [
                "--kill-after", "10", "300", "ssh", terminal ? "-tt" : "-T", "-F", "none", "-i",
                place.file("key"),
            ]
                + ["-p", "\(port)", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no"]
                + ["-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-o", "IdentitiesOnly=yes"]
                // An emulated guest takes its time for a handshake.
                + ["-o", "ConnectTimeout=60", "-o", "ServerAliveInterval=20", "-o", "ServerAliveCountMax=6"]
                + ["\(user)@127.0.0.1", command]
        )
        return Result(status: status, output: output)
    }

    /// Waits until somebody can log in.
    func wait(within limit: Duration) async throws {
        let start = ContinuousClock.now
        var last = Result(status: -1, output: "")
        while ContinuousClock.now - start < limit {
            last = try run("exit 0")
            if last.status == 0 { return }
            try await Task.sleep(for: .seconds(2))
        }
        throw NoLogin(reason: "no login within \(limit); ssh said (\(last.status)): \(last.output)")
    }

    /// Nobody could log in.
    struct NoLogin: Error, CustomStringConvertible {
        let reason: String
        var description: String { reason }
    }
}
