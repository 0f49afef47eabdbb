import Foundation
import HostAPI
import HostAPIClient
import JSON
import TestSupport
import Testing

@testable import UpdateFixtures

@Suite("The service: requests")
struct ServiceTests {
    @Test("operations of the API server are not there")
    func others() async throws {
        let host = try await ServiceHost()
        try await host.start()
        let own: Set<HostAPI.Operation> = [
            .refreshUpdates, .prepareUpdate, .activateUpdate, .deactivateUpdate, .getUpdateStatus,
            .watchEvents,
            .commitBoot, .rollBack,
        ]
        for endpoint in RouteTable.endpoints where !own.contains(endpoint.operation) {
            let path =
                endpoint.path.replacing("{number}", with: "1")
                + (endpoint.operation == .compareGenerations ? "?from=1" : "")
            let status = try await host.status(endpoint.method.rawValue, path)
            #expect(status == 404 || status == 400, "\(endpoint.path): \(status ?? 0)")
        }
        #expect(try await host.status("GET", "/nothing") == 404)
        #expect(try await host.status("GET", "/actions/refresh-updates") == 405)
        #expect(try await host.status("POST", "/actions/refresh-updates?wersion=1") == 400)
        var mode = stat()
        #expect(stat(host.socket, &mode) == 0 && mode.st_mode & 0o777 == 0o600)
    }

    @Test("while a command is at work, another one gets 423")
    func busy() async throws {
        let silent = try SilentServer()
        let host = try await ServiceHost()
        try host.configure(["metadata-base-url": .string("\(silent.url)/metadata")])
        try await host.start()
        #expect(try await host.status("POST", "/actions/refresh-updates") == 204)
        for command in ["refresh-updates", "prepare-update", "activate-update", "deactivate-update"] {
            #expect(try await host.status("POST", "/actions/\(command)") == 423)
        }
        let answer = try await host.client.raw(method: "GET", uri: "/updates/status")
        #expect(answer.status == 423 && answer.text.contains("'refresh' is at work"))
        #expect(try await host.status("POST", "/updater/roll-back") == 423)
        #expect(try await host.updater("check-update").status == 64)
        #expect(try await host.updater("status").status == 64)
        // It is not waited for.
        #expect(host.stop(SIGTERM) == 0)
    }

    @Test("of two commands at once, one is taken")
    func twoAtOnce() async throws {
        let host = try await ServiceHost()
        try await host.start()
        let answers = try await withThrowingTaskGroup(of: Int?.self) { group in
            for _ in 0..<8 { group.addTask { try await host.status("POST", "/actions/refresh-updates") } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(answers.contains(204))
        #expect(answers.allSatisfy { $0 == 204 || $0 == 423 })
        #expect(try await host.idle().mostRecentCommand.status == .success)
    }

    @Test("events tell states, the plan and the progress, and at last that all is over")
    func events() async throws {
        let host = try await ServiceHost()
        try await host.start()
        let client = host.client
        _ = try await client.call(.refreshUpdates)
        _ = try await host.idle()
        // The first event is kept, so that none is missed between the questions.
        let watch = Task {
            var seen: [UpdateStatus] = []
            var events = client.events(after: "1").makeAsyncIterator()
            while let event = try await events.next() {
                #expect(event.name == "update")
                let status = try UpdateStatus(json: #require(event.json))
                seen.append(status)
                if status.state == .staged, status.progress == nil { break }
            }
            return seen
        }
        _ = try await client.call(.prepareUpdate)
        let seen = try await watch.value
        #expect(
            seen.contains { $0.mostRecentCommand.kind == .prepare && $0.mostRecentCommand.status == .unknown }
        )
        #expect(seen.contains { ($0.plan?.bytes ?? 0) > 0 })
        #expect(seen.contains { ($0.progress?.total ?? 0) > 0 })
        let last = try #require(seen.last)
        #expect(last.stagingPartition?.image.version == "2.0.0" && last.plan == nil)
    }

    @Test("deactivate stops a prepare at work")
    func cancel() async throws {
        let silent = try SilentServer()
        let host = try await ServiceHost()
        try await host.start()
        #expect(try await host.updater("check-update").status == 0)
        try host.configure(["targets-base-url": .string("\(silent.url)/targets")])
        #expect(try await host.status("POST", "/actions/prepare-update") == 204)
        #expect(try await host.status("POST", "/actions/prepare-update") == 423)
        let run = try await host.updater("deactivate")
        #expect(run.status == 0, "\(run)")
        let status = try await host.idle()
        #expect(status.state == .available && status.mostRecentCommand.kind == .deactivate)
        #expect(status.mostRecentCommand.status == .success)
        try host.configure()
        #expect(try await host.updater("prepare").status == 0)
    }

    @Test("a service that is killed goes on from what is there")
    func killed() async throws {
        let silent = try SilentServer()
        let host = try await ServiceHost()
        try await host.start()
        #expect(try await host.updater("check-update").status == 0)
        try host.configure(["targets-base-url": .string("\(silent.url)/targets")])
        async let run = host.updater("prepare")
        for _ in 0..<3000 where !silent.isAsked { try await Task.sleep(for: .milliseconds(20)) }
        host.stop(SIGKILL)
        #expect(try await run.status == 1)
        try host.configure()
        try await host.start()
        let status = try await host.idle()
        #expect(status.state == .available && status.mostRecentCommand.status == .unknown)
        #expect(status.mostRecentCommand.kind == .prepare)
        #expect(try await host.updater("update").status == 0)
        #expect(try host.entries() == ["vm_1.0.0.efi", "vm_2.0.0+3.efi"])
    }

    @Test("a record that can't be read is put aside")
    func damagedRecord() async throws {
        let host = try await ServiceHost()
        try host.write("{", to: "state/updates/record.json")
        try await host.start()
        #expect(host.log.contains("put aside"))
        #expect(try await host.updater("update").status == 0)
    }

    @Test("a folder that is no Bulkhead host is refused")
    func noHost() async throws {
        let host = try await ServiceHost()
        try host.write("quiet\n", to: "proc/cmdline")
        let run = try await host.updater(
            "serve",
            "--host",
            host.folder.file("host"),
            "--disk",
            host.folder.file("disk")
        )
        #expect(run.status == 1 && run.errors.contains("no Bulkhead host"), "\(run)")
    }
}
