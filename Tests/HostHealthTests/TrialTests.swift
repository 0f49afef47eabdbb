import Foundation
import TestSupport
import Testing

@testable import HostHealth

@Suite struct TrialTests {
    private struct NoManager: Error {}

    /// A host whose boot loader did, or did not, start an entry with a counter.
    private func host(onTrial: Bool) throws -> (HostFiles, TemporaryDirectory) {
        let directory = try TemporaryDirectory()
        let variables = directory.file("sys/firmware/efi/efivars")
        try FileManager.default.createDirectory(atPath: variables, withIntermediateDirectories: true)
        if onTrial {
            let name = "LoaderBootCountPath-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
            try Data([0]).write(to: URL(filePath: "\(variables)/\(name)"))
        }
        return (HostFiles(root: directory.path), directory)
    }

    @Test func anEntryWithoutCounterIsNotOnTrial() throws {
        let (host, directory) = try host(onTrial: false)
        defer { withExtendedLifetime(directory) {} }
        let trial = Trial.current(on: host) { throw NoManager() }
        #expect(trial == .none && !trial.isUndecided)
    }

    @Test func theTargetDecides() throws {
        let (host, directory) = try host(onTrial: true)
        defer { withExtendedLifetime(directory) {} }
        let undecided = Trial.current(on: host) { ["multi-user.target"] }
        #expect(undecided == .undecided && undecided.isUndecided)
        let passed = Trial.current(on: host) { ["multi-user.target", "boot-complete.target"] }
        #expect(passed == .passed && !passed.isUndecided)
    }

    @Test func whatCannotBeKnownHasNotBeenProven() throws {
        let (host, directory) = try host(onTrial: true)
        defer { withExtendedLifetime(directory) {} }
        let trial = Trial.current(on: host) { throw NoManager() }
        #expect(trial.isUndecided && trial.description.contains("NoManager"))
    }

    @Test func theWholeRootIsReadToItsEnd() throws {
        let directory = try TemporaryDirectory()
        defer { withExtendedLifetime(directory) {} }
        for folder in ["proc/self", "dev/block"] {
            try FileManager.default.createDirectory(
                atPath: directory.file(folder),
                withIntermediateDirectories: true
            )
        }
        try "28 1 254:0 / / ro - erofs /dev/mapper/root ro\n".write(
            toFile: directory.file("proc/self/mountinfo"),
            atomically: false,
            encoding: .utf8
        )
        let host = HostFiles(root: directory.path)
        guard case .unhealthy = HealthCheck.wholeRoot.run(host) else {
            Issue.record("a root without a device was read")
            return
        }
        let device = directory.file("dev/block/254:0")
        try Data(count: (3 << 20) + 4096).write(to: URL(filePath: device))
        #expect(HealthCheck.wholeRoot.run(host) == .healthy("3149824 bytes of \(device)"))
        // A directory opens but cannot be read: the error is named with its place.
        try FileManager.default.removeItem(atPath: device)
        try FileManager.default.createDirectory(atPath: device, withIntermediateDirectories: true)
        guard case .unhealthy(let reason) = HealthCheck.wholeRoot.run(host) else {
            Issue.record("an unreadable root is healthy")
            return
        }
        #expect(reason.contains("cannot be read at byte 0"))
    }
}
