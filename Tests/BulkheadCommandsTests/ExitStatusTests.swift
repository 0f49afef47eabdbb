import Foundation
import TestSupport
import Testing

/// The program as scripts see it: exit status, and what goes to which stream.
@Suite struct ExitStatusTests {
    static let repository = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path

    private func run(_ arguments: [String]) throws -> (status: Int32, output: String) {
        try runTool(builtProgram("bulkhead"), arguments)
    }

    @Test(arguments: ["build", "diff", "inspect", "lock", "run"])
    func helpHasAnExampleAndEndsWell(_ command: String) throws {
        let (status, output) = try run([command, "--help"])
        #expect(status == 0)
        #expect(output.contains("  bulkhead \(command)"), "\(output)")
    }

    @Test(arguments: [
        ["build"], ["build", "vm-containerd", "--format", "vhd"],
        ["build", "vm-containerd", "--arch", "i386"],
        ["lock", "vm-containerd", "openssl"], ["inspect"], ["diff", "one"], ["run", "--memory", "much"],
        ["nonsense"], ["build", "vm-containerd", "--nonsense"],
    ])
    func wrongUsageIs2(_ arguments: [String]) throws {
        let (status, output) = try run(arguments)
        #expect(status == 2, "\(output)")
        #expect(output.contains("Usage: bulkhead"), "\(output)")
    }

    @Test(arguments: [
        (["build", "no-such", "--repository", repository], "no-such"),
        (["build", "vm-containerd", "--repository", repository, "--version", "a b"], "a b"),
        (["build", "vm-containerd", "--repository", "/nowhere"], "/nowhere"),
        (["inspect", "/nowhere/disk.raw"], "/nowhere/disk.raw"),
        (["diff", "/nowhere/a", "/nowhere/b"], "/nowhere/a"),
        (["run", "/nowhere/disk.raw"], "/nowhere/disk.raw"),
    ])
    func failureIs1AndNamesTheValue(_ arguments: [String], _ value: String) throws {
        let (status, output) = try run(arguments)
        #expect(status == 1, "\(output)")
        #expect(output.hasPrefix("bulkhead: ") && output.contains(value), "\(output)")
    }
}
