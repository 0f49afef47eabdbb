import Foundation
import HostAPI
import HostAPIClient
import JSON
import TestSupport
import Testing

@testable import UpdateFixtures

@Suite("The service: an update by its command")
struct CommandTests {
    @Test("an update from the first look to its proof, and back")
    func story() async throws {
        let host = try await ServiceHost()
        let releases = host.repository.releases
        try await host.start()
        #expect(try await host.status("GET", "/updates/status") == 404)
        #expect(try await host.updater("status").status == 66)
        // Nothing was chosen or staged yet.
        #expect(try await host.updater("prepare").status == 65)
        #expect(try await host.status("POST", "/actions/activate-update") == 409)
        #expect(try await host.updater("rollback").status == 66)

        var run = try await host.updater("check-update")
        #expect(run.status == 0 && run.output == "vm 2.0.0 (amd64)\n", "\(run)")
        run = try await host.updater("check-update", "--json", "--all")
        let found: JSONValue = [["variant": "vm", "arch": "amd64", "version": "2.0.0"]]
        #expect(try JSONValue(parsing: run.output) == found)

        run = try await host.updater("prepare")
        #expect(run.status == 0, "\(run)")
        #expect(run.errors.contains("to fetch: "), "\(run)")
        #expect(try host.entries() == ["vm_1.0.0.efi"])
        #expect(try await host.status("POST", "/actions/deactivate-update") == 409)
        #expect(try await host.updater("activate").status == 0)
        #expect(try host.entries() == ["vm_1.0.0.efi", "vm_2.0.0+3.efi"])
        #expect(try await host.updater("prepare").status == 65)
        #expect(try await host.updater("deactivate").status == 0)
        #expect(try host.entries() == ["vm_1.0.0.efi"])
        run = try await host.updater("update")
        #expect(run.status == 0 && run.errors.contains("the next boot tries vm 2.0.0"), "\(run)")
        run = try await host.updater("status", "--json")
        let status = try UpdateStatus(json: JSONValue(parsing: run.output))
        #expect(status.state == .ready && status.stagingPartition?.nextToBoot == true)
        #expect(status.plan != nil && status.progress == nil)
        run = try await host.updater("status")
        #expect(run.output.contains("other slot    vm 2.0.0 (amd64), next to boot"), "\(run)")

        // It boots, is on trial, and proves itself.
        try host.boot(releases[1], counting: "vm_2.0.0+3.efi")
        try host.write(
            #"{"formatVersion":1,"version":"2.0.0","bootID":"a","time":1,"uptime":1,"reasons":[]}"#,
            to: "state/updates/boot-failure.json"
        )
        try await host.start()
        #expect(host.log.contains("2.0.0 is on trial"))
        run = try await host.updater("commit")
        #expect(run.status == 0, "\(run)")
        #expect(try host.entries() == ["vm_1.0.0.efi", "vm_2.0.0.efi"])
        #expect(
            !FileManager.default.fileExists(atPath: host.folder.file("host/state/updates/boot-failure.json"))
        )
        #expect(try await host.idle().state == .idle)
        run = try await host.updater("check-update", "--json")
        #expect(run.status == 0 && run.output == "null\n")
        #expect(run.errors.contains("2.0.0 is the newest release that is offered"), "\(run)")
        #expect(try await host.idle().noUpdateReason?.contains("newest") == true)

        // Back to the slot that was good before; the loader takes what is left.
        run = try await host.updater("rollback")
        #expect(run.status == 0, "\(run)")
        #expect(try host.entries() == ["vm_1.0.0.efi"])
        try host.boot(releases[0], counting: nil)
        try await host.start()
        #expect(try await host.idle().activePartition?.image.version == "1.0.0")
        run = try await host.updater("update")
        #expect(run.status == 0 && run.errors.contains("was tried on this host"), "\(run)")
        #expect(try await host.updater("update", "-i", "2.0.0").status == 0)
        #expect(try host.entries() == ["vm_1.0.0.efi", "vm_2.0.0+3.efi"])
        #expect(host.stop(SIGTERM) == 0)
    }

    @Test("a trial that failed is in the status, with its reason, and is only taken again when asked for")
    func failedTrial() async throws {
        let host = try await ServiceHost()
        try await host.start()
        #expect(try await host.updater("update").status == 0)
        // The trial runs, and fails after the updater has seen it. The machine came back on 1.0.0; the boot that failed left
        // word.
        try host.boot(host.repository.releases[1], counting: "vm_2.0.0+3.efi")
        try await host.start()
        #expect(host.log.contains("2.0.0 is on trial"))
        let onTrial = try await host.updater("update")
        #expect(onTrial.status == 65 && onTrial.errors.contains("is on trial"), "\(onTrial)")
        try host.boot(host.repository.releases[0], counting: nil)
        try host.write(
            #"""
            {"formatVersion":1,"version":"2.0.0","bootID":"a","time":1,"uptime":1,
             "reasons":[{"kind":"unit","name":"containerd.service","detail":"failed"}]}
            """#,
            to: "state/updates/boot-failure.json"
        )
        try await host.start()
        let status = try await host.idle()
        #expect(status.failedUpdate?.version == "2.0.0")
        #expect(status.failedUpdate?.reason == "unit containerd.service: failed")
        #expect(status.state == .idle)
        #expect(host.log.contains("2.0.0 failed its trial, and the host went back"))
        #expect(try host.entries() == ["vm_1.0.0.efi"])
        let run = try await host.updater("check-update")
        #expect(
            run.status == 0 && run.output.isEmpty && run.errors.contains("did not prove itself"),
            "\(run)"
        )
        #expect(try await host.updater("status").output.contains("containerd.service"))
        #expect(try await host.updater("update", "-i", "9.9.9").status == 66)
        #expect(try await host.updater("update", "--image", "2.0.0").status == 0)
        // A restart of the service in the same boot is no failed trial.
        host.stop(SIGKILL)
        try await host.start()
        #expect(try await host.idle().state == .ready)
        // The second time it leaves no word: that of the first says nothing about it.
        try host.boot(host.repository.releases[0], counting: nil)
        try await host.start()
        let again = try await host.idle()
        #expect(again.failedUpdate?.reason.contains("did not come to the end") == true, "\(again)")
    }

    @Test("what a boot could not look at, the next command looks at before it changes anything")
    func lateReview() async throws {
        let host = try await ServiceHost()
        try await host.start()
        #expect(try await host.updater("update").status == 0)
        try host.boot(host.repository.releases[0], counting: nil)
        let disk = host.folder.file("disk")
        try FileManager.default.moveItem(atPath: disk, toPath: disk + ".away")
        try await host.start()
        #expect(host.log.contains("the boot entries can't be looked after"))
        #expect(try await host.updater("deactivate").status == 1)
        try FileManager.default.moveItem(atPath: disk + ".away", toPath: disk)
        // The trial has failed, and there is nothing to take back any more.
        #expect(try await host.updater("deactivate").status == 65)
        #expect(try await host.idle().failedUpdate?.version == "2.0.0")
        #expect(try host.entries() == ["vm_1.0.0.efi"])
    }

    @Test("commit without a counted boot is refused and says why")
    func commitWithoutTrial() async throws {
        let host = try await ServiceHost()
        try await host.start()
        let run = try await host.updater("commit")
        #expect(run.status == 1 && run.errors.contains("did not count this boot"), "\(run)")
        #expect(try host.entries() == ["vm_1.0.0.efi"])
    }

    @Test("what is missing is named")
    func missing() async throws {
        let host = try await ServiceHost()
        try host.configure(["metadata-base-url": ""])
        try await host.start()
        var run = try await host.updater("check-update")
        #expect(run.status == 1 && run.errors.contains("updates.metadata-base-url is not set"), "\(run)")
        run = try await host.checkConfiguration()
        #expect(run.status == 1 && run.errors.contains("updates.metadata-base-url is not set"), "\(run)")
        try host.configure(["metadata-base-url": .null, "targets-base-url": ""])
        run = try await host.checkConfiguration()
        #expect(run.status == 0 && run.errors.contains("takes none"), "\(run)")
        try host.configure()
        run = try await host.checkConfiguration()
        #expect(run.status == 0 && run.errors.isEmpty, "\(run)")
        try host.remove("usr/share/bulkhead/update-root.json")
        run = try await host.updater("check-update")
        #expect(run.status == 1 && run.errors.contains("built without a root of trust"), "\(run)")
        try host.remove("etc/bulkhead/updater.json")
        run = try await host.updater("update")
        #expect(run.status == 1 && run.errors.contains("updater.json"), "\(run)")
        host.stop(SIGTERM)
        run = try await host.updater("status")
        #expect(run.status == 1 && run.errors.contains("journal of updater.service"), "\(run)")
        #expect(try await host.updater("frobnicate").status == 2)
    }
}
