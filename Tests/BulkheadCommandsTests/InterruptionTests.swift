import Foundation
import TestSupport
import Testing

/// What Ctrl-C does to `bulkhead lock`, with an apt that never ends.
@Suite struct InterruptionTests {
    private struct Site {
        let place: TemporaryDirectory
        let process = Process()
        var lockFile: String { place.file("variants/vm-containerd/packages.lock") }

        /// Starts the program.
        ///
        /// - Parameters:
        ///   - apt: what apt does after it has noted its process number.
        ///   - launcher: a program that becomes it.
        init(apt: String, launcher: [String] = []) throws {
            place = try TemporaryDirectory()
            for name in ["Package.swift", "image", "variants"] {
                try FileManager.default.copyItem(
                    atPath: "\(ExitStatusTests.repository)/\(name)",
                    toPath: place.file(name)
                )
            }
            let tools = place.file("tools")
            try FileManager.default.createDirectory(atPath: tools, withIntermediateDirectories: true)
            let script = """
                #!/bin/sh
                echo $$ >\(place.file("pid.new"))
                mv \(place.file("pid.new")) \(place.file("pid"))
                \(apt)

                """
            for name in ["apt-get", "apt-config"] {
                try script.write(toFile: "\(tools)/\(name)", atomically: true, encoding: .utf8)
                try FileManager.default.setAttributes(
                    [.posixPermissions: 0o755],
                    ofItemAtPath: "\(tools)/\(name)"
                )
            }
            process.executableURL = URL(filePath: "/usr/bin/env")
            let command = [try builtProgram("bulkhead"), "lock", "vm-containerd"]
            process.arguments =
                launcher + command + ["--repository", place.path, "--cache", place.file("cache")]
            process.environment = ["PATH": "\(tools):/usr/bin:/bin", "HOME": place.path]
            process.standardInput = FileHandle.nullDevice
            let log = place.file("log")
            _ = FileManager.default.createFile(atPath: log, contents: nil)
            process.standardError = try FileHandle(forWritingTo: URL(filePath: log))
            process.standardOutput = FileHandle.nullDevice
            try process.run()
        }

        /// Waits for apt.
        func apt() async throws -> pid_t {
            while process.isRunning {
                if let text = try? String(contentsOfFile: place.file("pid"), encoding: .utf8) {
                    return try #require(pid_t(text.trimmingCharacters(in: .newlines)))
                }
                try await Task.sleep(for: .milliseconds(20))
            }
            Issue.record("it ended by itself: \(log)")
            throw CancellationError()
        }

        var log: String { (try? String(contentsOfFile: place.file("log"), encoding: .utf8)) ?? "" }

        func ended() async throws {
            while process.isRunning { try await Task.sleep(for: .milliseconds(20)) }
        }
    }

    @Test(.timeLimit(.minutes(2)))
    func aSignalEndsAptAndSaysWhatItMeans() async throws {
        let site = try Site(apt: "exec sleep 600")
        let before = try Data(contentsOf: URL(filePath: site.lockFile))
        let apt = try await site.apt()
        defer { kill(apt, SIGKILL) }
        kill(site.process.processIdentifier, SIGINT)
        try await site.ended()
        #expect(site.process.terminationReason == .exit)
        #expect(site.process.terminationStatus == 1)
        #expect(
            site.log.hasSuffix("bulkhead: stopped by a signal; '\(site.lockFile)' is unchanged\n"),
            "\(site.log)"
        )
        #expect(kill(apt, 0) != 0, "apt has ended, too")
        #expect(try Data(contentsOf: URL(filePath: site.lockFile)) == before)
    }

    /// nohup(1) has nothing to do here, as no stream is a terminal, but to ignore the signal.
    @Test(.timeLimit(.minutes(2)))
    func aSignalThatIsIgnoredStaysSo() async throws {
        let site = try Site(
            apt: "while [ ! -e \"$(dirname $0)/../go\" ]; do sleep 0.1; done; exit 3",
            launcher: ["nohup"]
        )
        let apt = try await site.apt()
        defer { kill(apt, SIGKILL) }
        kill(site.process.processIdentifier, SIGHUP)
        try await Task.sleep(for: .milliseconds(300))
        try Data().write(to: URL(filePath: site.place.file("go")))
        try await site.ended()
        #expect(site.process.terminationReason == .exit)
        #expect(!site.log.contains("stopped"), "\(site.log)")
    }

    @Test(.timeLimit(.minutes(2)))
    func aSecondSignalEndsItAtOnce() async throws {
        // It would take two seconds to end this one in order.
        let site = try Site(apt: "trap '' TERM\nwhile :; do sleep 1; done")
        let apt = try await site.apt()
        defer { kill(-apt, SIGKILL) }
        while site.process.isRunning {
            kill(site.process.processIdentifier, SIGINT)
            try await Task.sleep(for: .milliseconds(100))
        }
        #expect(site.process.terminationReason == .uncaughtSignal, "\(site.log)")
        #expect(site.process.terminationStatus == SIGINT)
    }
}
