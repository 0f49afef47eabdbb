import ArgumentParser
import Foundation
import Glibc
import HostAPI
import HostAPIServer
import JSON
import Logging
import NIOCore
import Synchronization
import TestSupport
import Testing

@testable import APIClient

/// Stands for a host whose updater does what a test says: the real transport.
private final class UpdatingHost: Sendable {
    let folder: TemporaryDirectory
    let events = EventHub(limit: 16)
    private let server = Mutex<HostAPIServer?>(nil)
    private let state: Mutex<(status: UpdateStatus, isAtWork: Bool)>
    /// The release that the last `refresh` named.
    let wanted = Mutex<String?>(nil)
    var socket: String { folder.file("api.sock") }

    /// - Parameter work: what a command does after its answer; it gives the status that it ends with.
    init(
        work: @escaping @Sendable (UpdateStatus.Command.Kind, UpdatingHost) async -> UpdateStatus
    ) async throws {
        folder = try TemporaryDirectory()
        state = Mutex((Self.status(.refresh), false))
        let path = folder.file("api.sock")
        let server = try await HostAPIServer(
            socket: try ListeningSocket.bind(path: path, mode: 0o600),
            events: events,
            service: .init(answer: { [weak self] request async throws(Problem) in
                guard let self else { throw Problem(status: 503, detail: "the test is over") }
                return try self.answer(request, work)
            }),
            logger: Logger(label: "host") { _ in SwiftLogNoOpLogHandler() }
        )
        self.server.withLock { $0 = server }
    }

    func stop() async {
        await server.withLock { server in
            defer { server = nil }
            return server
        }?.stop()
    }

    private func answer(
        _ request: APIRequest,
        _ work: @escaping @Sendable (UpdateStatus.Command.Kind, UpdatingHost) async -> UpdateStatus
    ) throws(Problem) -> APIReply {
        let kind: UpdateStatus.Command.Kind
        switch request.operation {
        case .getUpdateStatus:
            let (status, isAtWork) = state.withLock { $0 }
            if isAtWork { throw Problem(status: 423, detail: "a command is at work") }
            return .json(status.json)
        case .watchEvents: return try events.reply(to: request)
        case .refreshUpdates:
            kind = .refresh
            wanted.withLock { $0 = request.parameters.text("version") }
        case .prepareUpdate: kind = .prepare
        case .activateUpdate: kind = .activate
        default: kind = .deactivate
        }
        state.withLock { $0.isAtWork = true }
        Task {
            let status = await work(kind, self)
            state.withLock { $0 = (status, false) }
        }
        return .nothing
    }

    /// The status after a command.
    static func status(_ kind: UpdateStatus.Command.Kind, failure: String? = nil) -> UpdateStatus {
        UpdateStatus(
            state: .available,
            availableUpdates: ["1.3.0"],
            chosenUpdate: .init(arch: "x86_64", version: "1.3.0", variant: "dev"),
            activePartition: nil,
            stagingPartition: nil,
            mostRecentCommand: .init(
                kind: kind,
                status: failure == nil ? .success : .failed,
                timestamp: Timestamp(seconds: Int64(time(nil))),
                exitStatus: failure == nil ? 0 : 1,
                stderr: failure
            )
        )
    }

    /// Tells watchers how far `prepare` is.
    func tell(_ done: UInt64, of total: UInt64) {
        var status = Self.status(.refresh)
        status.plan = .init(bytes: total, method: "pack")
        status.progress = .init(phase: "writing", done: done, total: total)
        events.publish(.update, status.json)
    }

    func client(_ arguments: String...) async throws -> HostProcess.Run {
        try await HostProcess.run(
            try builtProgram("bulkhead-host"),
            ["apiclient", "-s", socket] + arguments,
            in: folder
        )
    }

    /// The waiting of `update`, with other limits.
    func run(_ limits: UpdateRun.Limits) throws -> UpdateRun {
        UpdateRun(globals: try GlobalOptions.parse(["-s", socket]), limits: limits)
    }
}

@Suite struct UpdateTests {
    @Test func checkSaysWhyThereIsNone() async throws {
        let host = try await UpdatingHost { kind, _ in
            var status = UpdatingHost.status(kind)
            status.chosenUpdate = nil
            status.noUpdateReason = "the wave of this host comes on 2026-02-01\u{1b}[2J"
            return status
        }
        let text = try await host.client("update", "check", "-o", "text")
        #expect(text.status == 0)
        #expect(text.errors.contains("No updates available. the wave of this host"), "\(text.errors)")
        #expect(text.output.contains("the wave of this host") && !text.output.contains("\u{1b}"))
        let apply = try await host.client("update", "apply", "--check")
        #expect(apply.status == 0 && apply.errors.contains("the wave of this host"))
        #expect(!apply.errors.contains("Downloading"))
        let json = try await host.client("update", "check", "--json").json
        #expect(json?["no_update_reason"]?.string?.contains("wave") == true)
        await host.stop()
    }

    @Test func aReleaseCanBeAskedForByItsVersion() async throws {
        let host = try await UpdatingHost { kind, _ in UpdatingHost.status(kind) }
        #expect(try await host.client("update", "check", "--release", "1.2.0~rc1").status == 0)
        #expect(host.wanted.withLock { $0 } == "1.2.0~rc1")
        #expect(try await host.client("update", "check").status == 0)
        #expect(host.wanted.withLock { $0 } == nil)
        await host.stop()
    }

    @Test func applyShowsThePlanAndHowFarItIs() async throws {
        let host = try await UpdatingHost { kind, host in
            if kind == .prepare {
                for part: UInt64 in 0...4 { host.tell(part << 20, of: 4 << 20) }
                try? await Task.sleep(for: .milliseconds(700))
            }
            return UpdatingHost.status(kind)
        }
        let run = try await host.client("update", "apply")
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.errors.contains("to fetch: 4.00 MiB (4 194 304 bytes) (pack)\n"), "\(run.errors)")
        #expect(run.errors.contains("writing: 50 % of 4.00 MiB\n"), "\(run.errors)")
        #expect(run.errors.contains("writing: 100 % of 4.00 MiB\n"))
        #expect(!run.errors.contains("\r"))
        await host.stop()
    }

    @Test func aFailureIsTold() async throws {
        let host = try await UpdatingHost { kind, _ in
            UpdatingHost.status(kind, failure: kind == .prepare ? "the ESP is full" : nil)
        }
        let run = try await host.client("update", "apply")
        #expect(run.status == 1 && run.errors.contains("'prepare' failed: the ESP is full"), "\(run.errors)")
        await host.stop()
    }

    @Test func itIsWaitedForAsLongAsItGoesOn() async throws {
        let host = try await UpdatingHost { kind, host in
            for part: UInt64 in 0..<12 {
                host.tell(part, of: 12)
                try? await Task.sleep(for: .milliseconds(250))
            }
            return UpdatingHost.status(kind)
        }
        var limits = UpdateRun.Limits()
        limits.silence = .milliseconds(1500)
        let status = try await host.run(limits).command(.prepareUpdate, as: .prepare)
        #expect(status.mostRecentCommand.kind == .prepare)
        limits.total = .seconds(1)
        let error = await #expect(throws: CommandFailure.self) {
            try await host.run(limits).command(.prepareUpdate, as: .prepare)
        }
        #expect(error?.description.contains("did not end within 1 seconds") == true)
        await host.stop()
    }

    /// Somebody else cancels it, or the updater is killed.
    @Test(arguments: [UpdateStatus.Command.Kind.deactivate, .prepare])
    func whatEndsOtherwiseIsNotWaitedFor(_ last: UpdateStatus.Command.Kind) async throws {
        let host = try await UpdatingHost { _, _ in
            var status = UpdatingHost.status(last)
            if last == .prepare { status.mostRecentCommand.status = .unknown }
            return status
        }
        var limits = UpdateRun.Limits()
        limits.doubt = .milliseconds(200)
        let error = await #expect(throws: CommandFailure.self) {
            try await host.run(limits).command(.prepareUpdate, as: .prepare)
        }
        let reason = last == .prepare ? "was stopped during 'prepare'" : "was ended by 'deactivate'"
        #expect(error?.description.contains(reason) == true, "\(error as Any)")
        await host.stop()
    }

    @Test func itIsNotWaitedForWithoutProgress() async throws {
        let host = try await UpdatingHost { kind, host in
            host.tell(1, of: 2)
            try? await Task.sleep(for: .seconds(20))
            return UpdatingHost.status(kind)
        }
        var limits = UpdateRun.Limits()
        limits.silence = .seconds(1)
        let error = await #expect(throws: CommandFailure.self) {
            try await host.run(limits).command(.prepareUpdate, as: .prepare)
        }
        #expect(error?.description.contains("made no progress for 1 seconds") == true)
        await host.stop()
    }
}
