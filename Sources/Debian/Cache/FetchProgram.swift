import Foundation
import Processes

/// Fetches files with apt's own downloader, which follows the host's apt configuration: proxies, certificates,
/// passwords and any scheme apt has a method for.
struct FetchProgram: Sendable {
    let limits: FetchLimits

    /// What a run of the downloader says about one address.
    enum Verdict: Equatable {
        case vanished
        case unreachable(String)
        case diskFull
        /// The bytes were not the expected ones.
        case damaged(String)
        case refused(String)
    }

    /// One file to fetch.
    struct Request: Sendable {
        let address: String
        let destination: String
        /// What apt checks; the cache checks again.
        let hashes: [String]
    }

    /// Runs the downloader over some files.
    ///
    /// - Returns: nil when it says that all have arrived, else what it wrote on standard error.
    func fetch(_ requests: [Request]) async throws(ProcessError) -> String? {
        var arguments = [
            "-o", "APT::Sandbox::User=root",
            "-o", "Acquire::Retries=\(limits.retries)",
            "-o", "Acquire::http::Timeout=\(limits.silence)",
            "-o", "Acquire::https::Timeout=\(limits.silence)",
            "download-file",
        ]
        for request in requests {
            arguments += [Self.copying(request.address), request.destination] + request.hashes
        }
        let output = try await Command(
            "/usr/lib/apt/apt-helper",
            arguments,
            environmentOverrides: ["LC_ALL": "C.UTF-8"],
            timeout: limits.batchTimeout,
            outputLimit: 8 << 20,
            remedy: "install the package apt (this needs a Debian machine)"
        ).runReturningStatus()
        return output.status.isSuccess ? nil : output.standardError
    }

    /// The method `file` leaves a link to the original in place of a file; `copy` copies it.
    private static func copying(_ address: String) -> String {
        address.hasPrefix("file:") ? "copy:\(address.dropFirst(5))" : address
    }

    /// Says what standard error of a run for just one address means.
    static func verdict(_ standardError: String) -> Verdict {
        let lines = standardError.split(separator: "\n").map(String.init)
        let index = lines.firstIndex { $0.hasPrefix("E: Failed to fetch") }
        // A line before that tells of a method that does not exist.
        let message =
            lines.first { $0.hasPrefix("E: The method") } ?? index.map { lines[$0] } ?? standardError
        func says(_ phrases: String...) -> Bool { phrases.contains { message.contains($0) } }
        let reason = reason(in: message)
        if says("No space left on device") { return .diskFull }
        if says("  404  ", "  410  ", "File not found", "  550  ", "(2: No such file or directory)") {
            return .vanished
        }
        if says("Hash Sum mismatch", "unexpected size") { return .damaged(reason) }
        if says("Could not resolve", "ould not connect", "Unable to connect", "imed out", "onnection failed")
            || says("Temporary failure", "onnection refused", "Network is unreachable", "Cannot initiate")
            || says(
                "Error reading from server",
                "Connection closed",
                "Connection reset",
                "Could not handshake"
            )
            || says("Undetermined Error", "  500  ", "  502  ", "  503  ", "  504  ")
        {
            return .unreachable(reason)
        }
        return .refused(reason)
    }

    /// The text after the address in apt's `E: Failed to fetch ADDRESS  REASON`.
    private static func reason(in message: String) -> String {
        guard message.hasPrefix("E: Failed to fetch"), let gap = message.range(of: "  ") else {
            return message.trimmingCharacters(in: .whitespacesAndNewlines)
        }
        return message[gap.upperBound...].trimmingCharacters(in: .whitespaces)
    }
}
