import Foundation
import Processes

extension AptArchives {
    /// Finds the mirrors this machine itself uses, from apt's configuration.
    ///
    /// - Throws: `AptError.noMirror` when apt has no Debian archive or several that do not agree.
    public static func ofHost() async throws(AptError) -> AptArchives {
        let remedy = "this needs a Debian machine with apt"
        let format = "$(ORIGIN)|$(REPO_URI)|$(RELEASE)"
        let targets: CommandOutput
        let updates: CommandOutput
        do {
            targets = try await Command(
                "apt-get",
                ["indextargets", "--format", format, "Created-By: Packages"],
                environmentOverrides: ["LC_ALL": "C.UTF-8"],
                timeout: .seconds(60),
                remedy: remedy
            ).run()
            if let archives = try parse(indexTargets: targets.text) { return archives }
            // apt knows who an archive is from only after `apt-get update`, which nobody may have run yet.
            updates = try await Command(
                "apt-get",
                ["update", "--print-uris", "-o", "Debug::NoLocking=1"],
                environmentOverrides: ["LC_ALL": "C.UTF-8"],
                timeout: .seconds(60),
                remedy: remedy
            ).run()
        } catch let error as ProcessError {
            throw .process(error)
        } catch let error as AptError {
            throw error
        } catch {
            throw .noMirror(reason: "\(error)")
        }
        guard let archives = try parse(updateAddresses: updates.text) else {
            throw .noMirror(reason: "none of its sources has a Debian suite")
        }
        return archives
    }

    /// A source of apt's configuration.
    private struct Source: Hashable {
        let root: String
        let suite: String

        /// Before bullseye the security suites were called `buster/updates`.
        var isSecurity: Bool { suite.hasSuffix("-security") || suite.hasSuffix("/updates") }
    }

    /// Reads lines of origin, root and suite; nil when none is Debian's.
    static func parse(indexTargets text: String) throws(AptError) -> AptArchives? {
        var sources: [Source] = []
        for line in text.split(whereSeparator: \.isNewline) {
            let fields = line.split(separator: "|", omittingEmptySubsequences: false)
            guard fields.count == 3, fields[0] == "Debian" else { continue }
            sources.append(Source(root: String(fields[1]), suite: String(fields[2])))
        }
        return try choose(from: sources)
    }

    /// Reads what `apt-get update --print-uris` prints, where an archive is known by its suites alone; nil when
    /// none looks like Debian's.
    static func parse(updateAddresses text: String) throws(AptError) -> AptArchives? {
        var sources: [Source] = []
        for line in text.split(whereSeparator: \.isNewline) {
            let parts = line.split(separator: "'", omittingEmptySubsequences: false)
            guard parts.count >= 3, parts[0].isEmpty, let range = parts[1].range(of: "/dists/"),
                parts[1].hasSuffix("/InRelease")
            else { continue }
            let suite = parts[1][range.upperBound...].dropLast("/InRelease".count)
            sources.append(Source(root: String(parts[1][..<range.lowerBound]), suite: String(suite)))
        }
        // Other vendors also name their suites after Debian's releases, but none has the updates suite too.
        let isDebian = { (root: String) in
            sources.contains { $0.root == root && ($0.suite.hasSuffix("-updates") || $0.isSecurity) }
                || root.hasSuffix("/debian") || root.hasSuffix("/debian.list")
        }
        return try choose(from: sources.filter { isDebian($0.root) && isDebianSuite($0.suite) })
    }

    private static let releases = [
        "buster", "bullseye", "bookworm", "trixie", "forky", "duke", "sid", "oldoldstable", "oldstable",
        "stable",
        "testing", "unstable",
    ]

    private static func isDebianSuite(_ suite: String) -> Bool {
        let base = suite.prefix { $0 != "-" && $0 != "/" }
        return releases.contains(String(base))
    }

    /// The first address of each kind: apt tries sources in the order of its configuration too.
    private static func choose(from sources: [Source]) throws(AptError) -> AptArchives? {
        // Backports and proposed updates may be mirrored elsewhere than the rest.
        let main =
            sources.first { !$0.isSecurity && !$0.suite.contains("-") }
            ?? sources.first { !$0.isSecurity }
        let security = sources.first(where: \.isSecurity)
        if let main { return try AptArchives(mirror: main.root, security: security?.root) }
        guard let security else { return nil }
        throw .noMirror(
            reason: "it has only the security archive '\(try checked(security.root))', not the main archive"
        )
    }
}
