import Foundation
import TestSupport
import Testing

/// A `bulkhead build`, or another of its commands, that runs in a process of its own and can be disturbed.
final class BuildRun {
    private let process = Process()
    private let log: URL
    private let place: TemporaryDirectory

    /// Starts a build; `wrapper` is a command that gets the build's command line as its arguments.
    convenience init(_ arguments: [String], wrapper: [String] = []) throws {
        try self.init(command: ["build"] + arguments, wrapper: wrapper)
    }

    /// Starts any command of `bulkhead`.
    init(command: [String], wrapper: [String] = []) throws {
        place = try TemporaryDirectory()
        log = URL(filePath: place.file("log"))
        try Data().write(to: log)
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = wrapper + [try BuildTool().program] + command
        let output = try FileHandle(forWritingTo: log)
        try output.seekToEnd()
        process.standardOutput = output
        process.standardError = output
        process.standardInput = FileHandle.nullDevice
        try process.run()
    }

    deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

    /// What it has written so far.
    var output: String { (try? String(contentsOf: log, encoding: .utf8)) ?? "" }

    /// Whether it is still at work.
    var isRunning: Bool { process.isRunning }

    /// Waits until a line is written, or the build has ended.
    func wait(forLine line: String) async throws {
        while process.isRunning, !output.split(separator: "\n").contains(Substring(line)) {
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    /// Sends a signal.
    func send(_ number: Int32) { kill(process.processIdentifier, number) }

    /// Waits for the end.
    ///
    /// - Returns: the exit status, or the negative number of the signal that ended it.
    func status() async throws -> Int32 {
        while process.isRunning { try await Task.sleep(for: .milliseconds(20)) }
        return process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
    }

    /// Runs a build to its end.
    static func finish(_ arguments: [String], wrapper: [String] = []) async throws -> (
        status: Int32, output: String
    ) {
        try await finish(command: ["build"] + arguments, wrapper: wrapper)
    }

    /// Runs any command of `bulkhead` to its end.
    static func finish(command: [String], wrapper: [String] = []) async throws -> (
        status: Int32, output: String
    ) {
        let run = try BuildRun(command: command, wrapper: wrapper)
        let status = try await run.status()
        return (status, run.output)
    }
}
