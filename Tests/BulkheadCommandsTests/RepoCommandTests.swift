import Foundation
import TestSupport
import Testing

@testable import UpdateFixtures

/// `bulkhead keys` and `bulkhead repo` as scripts see them.
@Suite struct RepoCommandTests {
    private let folder: TemporaryDirectory
    private let now = "2026-01-01T00:00:00Z"

    init() throws { folder = try TemporaryDirectory() }

    private var keys: String { folder.file("keys") }
    private var site: String { folder.file("site") }

    private func bulkhead(_ arguments: String...) throws -> (status: Int32, output: String) {
        try runTool(builtProgram("bulkhead"), arguments)
    }

    /// A build folder with real digests and made-up bytes.
    private func build(_ version: String) throws -> String {
        let root = Array(version.utf8) + [UInt8](repeating: 7, count: 4096 - version.utf8.count)
        return try SampleRelease(
            version: version,
            root: root,
            sections: [(".linux", Array("kernel \(version)".utf8))]
        )
        .writeBuild(in: folder)
    }

    private func makeSite() throws {
        let made = try bulkhead("keys", "init", keys, "--now", now)
        #expect(made.status == 0, "\(made.output)")
        let initial = try bulkhead("repo", "init", site, "--keys", keys, "--now", now)
        #expect(initial.status == 0, "\(initial.output)")
    }

    @Test func theWholeLifeOfARelease() throws {
        try makeSite()
        let build = try build("1.0.0")
        let release = "vm/amd64/1.0.0"
        func change(_ command: String, _ arguments: String...) throws -> String {
            let (status, output) = try runTool(
                builtProgram("bulkhead"),
                ["repo", command, site] + arguments + ["--keys", keys, "--now", now]
            )
            #expect(status == 0, "\(command): \(output)")
            return output
        }
        #expect(try change("init").contains("nothing changed"))
        #expect(
            try change("publish", build).contains("\(release): published; all hosts by 2026-01-08T00:00:00Z")
        )
        #expect(try change("publish", build) == "published already, nothing changed\n")
        let schedule = folder.file("waves.toml")
        try "[[waves]]\nstart_after = '1 hour'\nfleet_percentage = 100\n"
            .write(toFile: schedule, atomically: true, encoding: .utf8)
        #expect(
            try change("wave", release, "--schedule", schedule).contains("all hosts by 2026-01-01T01:00:00Z")
        )
        let shown = try bulkhead("repo", "wave", site, release, "--simulate", "10", "--json")
        #expect(shown.status == 0 && shown.output.contains("\"taken\" : 10"), "\(shown.output)")
        #expect(try change("promote", release).contains("open to all hosts\n"))
        #expect(try change("promote", release).contains("nothing changed"))
        #expect(try change("withdraw", release).contains("withdrawn\n"))
        let keysAfter = try bulkhead("keys", "rotate", "timestamp", keys, "--type", "ecdsa", "--now", now)
        #expect(keysAfter.status == 0 && keysAfter.output.contains("2.root.json"), "\(keysAfter.output)")
        #expect(try change("refresh").contains("2.root.json"))
        let verified = try bulkhead("repo", "verify", site, "--now", now)
        #expect(
            verified.status == 0 && verified.output.contains("5 files checked, hosts can update"),
            "\(verified.output)"
        )
        #expect(verified.output.contains("withdrawn"))
        let json = try bulkhead("repo", "verify", site, "--now", now, "--json")
        let report = try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any]
        #expect((report?["versions"] as? [String: Int])?["root"] == 2)
        let late = try bulkhead("repo", "verify", site, "--now", "2027-01-01T00:00:00Z")
        #expect(late.status == 1 && late.output.contains("error: timestamp: it expired"), "\(late.output)")
    }

    /// Killed at any moment, the repository can be read, and the next run completes what was begun.
    @Test func aKilledPublicationIsCompletedByTheNext() throws {
        try makeSite()
        for (number, delay) in [5, 15, 25, 35, 50, 70, 100, 150].enumerated() {
            let build = try build("1.\(number).0")
            let process = Process()
            process.executableURL = URL(filePath: try builtProgram("bulkhead"))
            process.arguments = ["repo", "publish", site, build, "--keys", keys, "--now", now]
            process.standardOutput = FileHandle.nullDevice
            process.standardError = FileHandle.nullDevice
            try process.run()
            usleep(UInt32(delay * 1000))
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
            let killed = try bulkhead("repo", "verify", site, "--now", now)
            #expect(killed.status == 0, "after \(delay) ms: \(killed.output)")
            #expect(try bulkhead("repo", "publish", site, build, "--keys", keys, "--now", now).status == 0)
            let whole = try bulkhead("repo", "verify", site, "--now", now)
            #expect(
                whole.status == 0 && !whole.output.contains("warning"),
                "after \(delay) ms: \(whole.output)"
            )
        }
    }

    /// A build's environment says when the source was committed: waves and expiry are not counted from there.
    @Test func theTimeOfABuildDoesNotCount() throws {
        func publish(_ command: String...) throws -> (status: Int32, output: String) {
            try runTool("env", ["SOURCE_DATE_EPOCH=1767225600", builtProgram("bulkhead")] + command)
        }
        let made = try publish("keys", "init", keys)
        #expect(made.status == 0 && !made.output.contains("good until 2027-01-01"), "\(made.output)")
        #expect(try publish("repo", "init", site, "--keys", keys).status == 0)
        let verified = try bulkhead("repo", "verify", site)
        #expect(verified.status == 0 && !verified.output.contains("warning"), "\(verified.output)")
    }

    /// A key ring knows what it published: what a backup or a thief brings back is not gone on with unasked.
    @Test func anOlderRepositoryIsTakenOnDemandOnly() throws {
        try makeSite()
        let backup = folder.file("backup")
        #expect(try runTool("cp", "-r", site, backup).status == 0)
        let build = try build("1.0.0")
        func change(_ command: String, _ arguments: String...) throws -> (status: Int32, output: String) {
            try runTool(
                builtProgram("bulkhead"),
                ["repo", command, site] + arguments + ["--keys", keys, "--now", now]
            )
        }
        #expect(try change("publish", build, "--max-version", "1.0.0").status == 0)
        // Whoever copies the repository goes by this.
        let same = try change("publish", build, "--max-version", "1.0.0", "--json")
        #expect(same.status == 0 && same.output.contains("false"), "\(same.output)")
        #expect(try change("publish", build, "--max-version", "1.0.0").output.contains("nothing changed"))
        let removed = try change("publish", build, "--no-max-version", "--json")
        #expect(removed.status == 0 && removed.output.contains("true"), "\(removed.output)")
        #expect(try change("publish", build, "--max-version", "1.0.0").output.contains("newest version set"))
        #expect(try runTool("rm", "-r", site).status == 0)
        let second = try change("init")
        #expect(second.status == 1 && second.output.contains("--accept-older"), "\(second.output)")
        #expect(try runTool("cp", "-rT", backup, site).status == 0)
        let refused = try change("refresh")
        #expect(refused.status == 1 && refused.output.contains("--accept-older"), "\(refused.output)")
        let accepted = try change("refresh", "--accept-older")
        #expect(accepted.status == 0 && accepted.output.contains("5.targets.json"), "\(accepted.output)")
    }

    @Test func severalKeysMayBeElsewhere() throws {
        try makeSite()
        var arguments = ["keys", "rotate", "timestamp", keys, "--threshold", "2", "--now", now]
        var commands: [String] = []
        for name in ["one", "two"] {
            let (secret, file) = (folder.file("\(name).pem"), folder.file("\(name).pub"))
            let kind = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
            #expect(try runTool("openssl", ["genpkey"] + kind + ["-out", secret]).status == 0)
            #expect(try runTool("openssl", "pkey", "-in", secret, "-pubout", "-out", file).status == 0)
            arguments += ["--public", file]
            commands += ["--", "openssl", "dgst", "-sha256", "-sign", secret]
        }
        let few = try runTool(builtProgram("bulkhead"), arguments + commands.prefix(6))
        #expect(few.status == 2 && few.output.contains("there are 2 and 1"), "\(few.output)")
        let (status, output) = try runTool(builtProgram("bulkhead"), arguments + commands)
        #expect(status == 0 && output.contains("2.root.json"), "\(output)")
        let refreshed = try bulkhead("repo", "refresh", site, "--keys", keys, "--now", now)
        #expect(refreshed.status == 0, "\(refreshed.output)")
        #expect(try bulkhead("repo", "verify", site, "--now", now).status == 0)
        // Fewer keys than must sign are no accident that passes.
        let fewer = try bulkhead("keys", "rotate", "timestamp", keys, "--count", "1", "--now", now)
        #expect(fewer.status == 1 && fewer.output.contains("--threshold"), "\(fewer.output)")
    }

    @Test func aSimulationNeedsNoRepository() throws {
        let plot = folder.file("plot.svg")
        let (status, output) = try bulkhead(
            "repo",
            "wave",
            "--simulate",
            "1000",
            "--failure-rate",
            "0.02",
            "--halt",
            "30 hours",
            "--plot",
            plot
        )
        #expect(status == 0 && output.contains("1 d 06:00") && output.contains("100 % |"), "\(output)")
        #expect(try String(contentsOfFile: plot, encoding: .utf8).hasPrefix("<svg"))
    }

    @Test(arguments: [
        ["keys", "init"], ["keys", "rotate"], ["keys", "renew"], ["repo", "init"], ["repo", "publish"],
        ["repo", "wave"], ["repo", "promote"], ["repo", "withdraw"], ["repo", "refresh"], ["repo", "verify"],
        ["keys"], ["repo"],
    ])
    func helpHasAnExampleAndEndsWell(_ command: [String]) throws {
        let (status, output) = try runTool(builtProgram("bulkhead"), command + ["--help"])
        #expect(status == 0)
        #expect(output.contains("  bulkhead \(command.joined(separator: " "))"), "\(output)")
    }

    @Test(arguments: [
        ["keys", "init"], ["keys", "init", "x", "--type", "dsa"], ["keys", "init", "x", "--role", "root=3"],
        ["keys", "init", "x", "--expires", "soon"], ["keys", "init", "x", "--now", "today"],
        ["keys", "rotate", "root"], ["keys", "rotate", "root", "x", "--public", "y"],
        ["keys", "rotate", "root", "x", "--count", "0"], ["keys", "rotate", "root", "x", "--", "command"],
        ["repo", "init", "x"], ["repo", "publish", "x", "--keys", "y"],
        ["repo", "publish", "x", "b", "--keys", "y", "--open", "--schedule", "z"],
        ["repo", "refresh", "x", "--keys", "y", "--expires", "root='1 week'"],
        ["repo", "refresh", "x", "--keys", "y", "--expires", "timestamp"],
        ["repo", "publish", "x", "b", "--keys", "y", "--packs", "65"],
        ["repo", "publish", "x", "b", "--keys", "y", "--max-version", "1", "--no-max-version"],
        ["repo", "wave"], ["repo", "wave", "x"], ["repo", "wave", "x", "y"],
        ["repo", "wave", "--simulate", "many"],
        ["repo", "wave", "x", "y", "--keys", "k", "--halt", "1 hour"],
        ["repo", "verify", "x", "--within", "1h"],
    ])
    func wrongUsageIs2(_ arguments: [String]) throws {
        let (status, output) = try runTool(builtProgram("bulkhead"), arguments)
        #expect(status == 2, "\(output)")
        #expect(output.contains("Usage: bulkhead"), "\(output)")
    }

    @Test(arguments: [
        (["keys", "init", "/proc/nowhere"], "/proc/nowhere"), (["keys", "init", "/"], "'/'"),
        (["keys", "rotate", "root", "/nowhere"], "/nowhere"), (["keys", "renew", "/nowhere"], "/nowhere"),
        (["repo", "init", "/proc/nowhere", "--keys", "/nokeys"], "/nokeys"),
        (["repo", "publish", "/nowhere", "b", "--keys", "/nokeys"], "/nowhere"),
        (["repo", "promote", "/nowhere", "a/b/c", "--keys", "/nokeys"], "/nowhere"),
        (["repo", "withdraw", "/tmp", "a/b/c", "--keys", "/nokeys"], "/nokeys"),
        (["repo", "refresh", "/nowhere", "--keys", "/nokeys"], "/nowhere"),
        (["repo", "wave", "/nowhere", "a/b/c", "--keys", "/nokeys"], "/nowhere"),
        (["repo", "wave", "--simulate", "0"], "0"),
        (["repo", "wave", "--simulate", "1", "--failure-rate", "2"], "2.0"),
        (["repo", "wave", "--simulate", "1", "--schedule", "/nowhere.toml"], "/nowhere.toml"),
        (["repo", "wave", "--simulate", "1", "--plot", "/nowhere/plot.svg"], "/nowhere/plot.svg"),
        (["repo", "verify", "/nowhere"], "/nowhere"),
    ])
    func failureIs1AndNamesTheValue(_ arguments: [String], _ value: String) throws {
        let (status, output) = try runTool(builtProgram("bulkhead"), arguments)
        #expect(status == 1, "\(output)")
        #expect(output.hasPrefix("bulkhead: ") && output.contains(value), "\(output)")
    }

    @Test func wrongContentIsNamed() throws {
        try makeSite()
        let build = try build("1.0.0")
        let schedule = folder.file("waves.toml")
        try "[[waves]]\nstart_after = 'never'\nfleet_percentage = 100\n"
            .write(toFile: schedule, atomically: true, encoding: .utf8)
        for (arguments, part) in [
            (["publish", site, build, "--schedule", schedule], "'\(schedule)': line 2, wave 1"),
            (["publish", site, keys], "'\(keys)' cannot be published"),
            (["promote", site, "vm/amd64/1.0.0"], "no release 'vm/amd64/1.0.0'"),
        ] {
            let (status, output) = try runTool(
                builtProgram("bulkhead"),
                ["repo"] + arguments + ["--keys", keys, "--now", now]
            )
            #expect(status == 1 && output.contains(part), "\(output)")
        }
        let again = try bulkhead("keys", "init", keys)
        #expect(again.status == 1 && again.output.contains("there already"), "\(again.output)")
    }
}
