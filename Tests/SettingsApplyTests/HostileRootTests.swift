import HostAPI
import Foundation
import Glibc
import JSON
import SettingsApply
import TestSupport
import Testing

/// What may lie in the folder of rendered files, and must not be followed, waited for or destroyed.
@Suite struct HostileRootTests {
    private let settings: JSONValue = ["motd": "hi", "network": ["hostname": "node"]]

    private func error(_ report: ApplyResult, _ path: String) -> String? {
        report.files.first { $0.path == path }?.error
    }

    @Test func linksInPlaceOfFoldersAreNotFollowed() async throws {
        let host = try ApplyHost()
        let outside = try TemporaryDirectory()
        try FileManager.default.createDirectory(
            atPath: host.folder.file("root"),
            withIntermediateDirectories: false
        )
        try FileManager.default.createSymbolicLink(
            atPath: host.folder.file("root/etc"),
            withDestinationPath: outside.path
        )
        let report = try await host.apply(nil, settings)
        #expect(error(report, "/etc/hostname")?.contains("root/etc'") == true, "\(report.files)")
        #expect(error(report, "/etc/hostname")?.contains("remove it") == true)
        #expect(report.services.filter { $0.name != "signal" }.allSatisfy { $0.outcome == .skipped })
        #expect(try FileManager.default.contentsOfDirectory(atPath: outside.path).isEmpty)
    }

    @Test func linksInPlaceOfFilesAreReplaced() async throws {
        let host = try ApplyHost()
        let outside = try TemporaryDirectory()
        try Data("node\n".utf8).write(to: outside.url.appending(path: "victim"))
        chmod(outside.file("victim"), 0o600)
        let etc = host.folder.file("root/etc")
        try FileManager.default.createDirectory(atPath: etc, withIntermediateDirectories: true)
        for name in ["hostname", "motd", ".hostname.new", ".motd.new"] {
            try FileManager.default.createSymbolicLink(
                atPath: "\(etc)/\(name)",
                withDestinationPath: outside.file(name == "hostname" ? "victim" : "other")
            )
        }
        let report = try await host.apply(nil, settings)
        #expect(report.succeeded)
        #expect(try host.status("/etc/hostname").st_mode & S_IFMT == S_IFREG)
        #expect(try host.mode("/etc/hostname") == 0o644)
        #expect(host.text("/etc/motd") == "hi\n")
        #expect(try FileManager.default.contentsOfDirectory(atPath: outside.path) == ["victim"])
        var status = stat()
        #expect(stat(outside.file("victim"), &status) == 0)
        #expect(status.st_mode & 0o7777 == 0o600)
        #expect(!host.names.contains { $0.hasSuffix(".new") })
    }

    @Test func otherKindsOfFilesAreReplacedOrReported() async throws {
        let host = try ApplyHost()
        let etc = host.folder.file("root/etc")
        try FileManager.default.createDirectory(atPath: "\(etc)/motd", withIntermediateDirectories: true)
        try #require(runTool("mkfifo", "\(etc)/hostname").status == 0)
        try Data().write(to: host.folder.url.appending(path: "root/etc/issue.d"))
        let report = try await host.apply(nil, settings)
        #expect(error(report, "/etc/hostname") == nil)
        #expect(host.text("/etc/hostname") == "node\n")
        #expect(error(report, "/etc/motd")?.contains("a folder is in the place of the file") == true)
        #expect(error(report, "/etc/issue.d/bulkhead/name")?.contains("issue.d'") == true)
        // What fails leaves nothing behind.
        #expect(!host.names.contains { $0.hasSuffix(".new") })
    }

    @Test func wrongModesAreRepairedWithoutRewriting() async throws {
        let host = try ApplyHost()
        _ = try await host.apply(nil, settings)
        _ = host.services.takeCalls()
        let before = try host.status("/etc/motd").st_ino
        chmod(host.folder.file("root/etc/motd"), 0o644)
        let report = try await host.apply(nil, settings)
        #expect(report.files.allSatisfy { !$0.changed })
        #expect(try host.mode("/etc/motd") == 0o600)
        #expect(try host.status("/etc/motd").st_ino == before)
        #expect(host.services.takeCalls() == ["restart signal.service"])
    }

    @Test func folderThatCannotBeMadeIsReported() async throws {
        let host = try ApplyHost()
        try Data().write(to: host.folder.url.appending(path: "root"))
        let report = try await host.apply(nil, settings)
        #expect(report.files.count == 3)
        #expect(report.files.allSatisfy { $0.error?.contains("Not a directory") == true }, "\(report.files)")
        #expect(host.services.takeCalls() == ["restart signal.service"])
    }

    @Test func noteOfOwedRestartsMayBeDamaged() async throws {
        let host = try ApplyHost()
        _ = try await host.apply(nil, settings)
        _ = host.services.takeCalls()
        let note = host.folder.url.appending(path: "root/restarts-owed")
        try Data("nobody\n\n../x\nhostname\n\u{0}".utf8 + [0xff]).write(to: note)
        host.restartServer()
        _ = try await host.apply([], settings)
        #expect(host.services.takeCalls() == ["try-restart systemd-hostnamed.service"])
    }

    /// A limit on the length of files stands for a full file system: a part is written, then no more.
    @Test func failedWritesLeaveTheOldFile() async throws {
        await #expect(processExitsWith: .success) {
            let host = try ApplyHost()
            _ = try await host.apply(["motd"], ["motd": "old"])
            _ = host.services.takeCalls()
            signal(SIGXFSZ, SIG_IGN)
            var limit = rlimit(rlim_cur: 8, rlim_max: rlim_t.max)
            try #require(setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0)
            let report = try await host.apply(["motd"], ["motd": "longer than eight"])
            let errors = report.files.compactMap(\.error)
            #expect(errors.count == 1)
            #expect(errors.first?.contains("cannot write '/etc/motd'") == true)
            #expect(host.text("/etc/motd") == "old\n")
            #expect(!host.names.contains { $0.hasSuffix(".new") })
            #expect(host.services.takeCalls() == ["restart signal.service"])
        }
    }

    @Test func umaskDoesNotCount() async throws {
        await #expect(processExitsWith: .success) {
            umask(0o077)
            let host = try ApplyHost()
            _ = try await host.apply(nil, ["motd": "hi", "network": ["hostname": "node"]])
            let modes = try ["/etc", "/etc/hostname", "/etc/issue.d/bulkhead"].map { try host.mode($0) }
            #expect(modes == [0o755, 0o644, 0o755])
        }
    }
}
