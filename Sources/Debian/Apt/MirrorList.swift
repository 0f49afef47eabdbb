import Foundation
import Processes

/// The addresses behind a list of mirrors (apt-transport-mirror(1)).
///
/// apt resolves such a list itself for a configured source, but not for a single file.
enum MirrorList {
    /// Replaces addresses that name a list of mirrors by the preferred mirror of the list.
    static func resolve(
        _ archives: AptArchives,
        workspace: String,
        limits: FetchLimits
    ) async throws(PackageCacheError) -> AptArchives {
        let main = try await resolve(archives.main, workspace: workspace, limits: limits)
        let security = try await resolve(archives.security, workspace: workspace, limits: limits)
        do {
            return try AptArchives(mirror: main, security: security, trust: archives.trust)
        } catch {
            throw .refused(address: archives.main, message: "\(error)")
        }
    }

    private static func resolve(
        _ address: String,
        workspace: String,
        limits: FetchLimits
    ) async throws(PackageCacheError) -> String {
        guard let list = listAddress(address) else { return address }
        let destination = "\(workspace)/\(UUID().uuidString)"
        defer { unlink(destination) }
        let request = FetchProgram.Request(address: list, destination: destination, hashes: [])
        do {
            if let message = try await FetchProgram(limits: limits).fetch([request]) {
                throw PackageCacheError.unreachable(address: list, message: String(message.suffix(500)))
            }
        } catch let error as PackageCacheError {
            throw error
        } catch ProcessError.cancelled {
            throw .cancelled
        } catch let error as ProcessError {
            throw .process(error)
        } catch {
            throw .refused(address: list, message: "\(error)")
        }
        guard let size = PackageCache.regularFileSize(destination), size <= 1 << 20,
            let text = FileManager.default.contents(atPath: destination),
            let mirror = preferred(String(decoding: text, as: UTF8.self))
        else {
            throw .refused(address: list, message: "it is not a list of mirrors")
        }
        return mirror
    }

    /// The address of the list that `mirror+file:/path`, `mirror+https://…` or `mirror://…` means; nil for an
    /// ordinary address.
    static func listAddress(_ address: String) -> String? {
        if address.hasPrefix("mirror+") { return String(address.dropFirst("mirror+".count)) }
        if address.hasPrefix("mirror:") { return "http:\(address.dropFirst("mirror:".count))" }
        return nil
    }

    /// The first mirror with the smallest priority number; those without one come last.
    static func preferred(_ text: String) -> String? {
        let mirrors = text.split(whereSeparator: \.isNewline).compactMap { line -> (String, Int)? in
            let fields = line.split { $0 == " " || $0 == "\t" }
            guard let address = fields.first, !address.hasPrefix("#") else { return nil }
            let priority = fields.dropFirst().first { $0.hasPrefix("priority:") }
                .flatMap { Int($0.dropFirst("priority:".count)) }
            return (String(address), priority ?? .max)
        }
        return mirrors.min { $0.1 < $1.1 }?.0
    }
}
