import BootEntries
import Foundation
import HostAPI
import ReleaseRepository
import Rollout
import TUF
import Testing

@testable import Updater

/// What the operator asks for by name, and what becomes of it.
@Suite struct WishTests {
    private let site: Site
    private let host: TestHost
    private let updater: Updater

    /// 2.0.0 and 3.0.0 are published; 1.0.0 runs.
    init() async throws {
        site = try await Site()
        try await site.publish(site.world.releases[2])
        host = try TestHost(site)
        updater = try host.updater()
    }

    @Test("Whoever asks for what can't be had is told so, also when another release is staged or activated")
    func refused() async throws {
        #expect(try await updater.refresh(requesting: "2.0.0") == nil)
        try await updater.prepare()
        let missing = NoUpdateReason.noSuchVersion(UAPIVersion("9.9.9"), wish: .request)
        for state in [UpdateStatus.State.staged, .ready] {
            await #expect(throws: UpdaterError.noUpdate(missing)) {
                try await updater.refresh(requesting: "9.9.9")
            }
            let status = await updater.status
            #expect(status?.state == state && status?.chosenUpdate?.version == "2.0.0")
            #expect(status?.mostRecentCommand.exitStatus == 66)
            #expect(try await updater.refresh(requesting: "2.0.0") == nil)
            if state == .staged { try await updater.activate() }
        }
        // What could be had, but for the one that is activated.
        let other = UpdaterError.otherIsActivated(version: "3.0.0", activated: "2.0.0")
        await #expect(throws: other) { try await updater.refresh(requesting: "3.0.0") }
        #expect(await updater.status?.state == .ready && other.exitStatus == 65)
        #expect(try host.entryNames() == ["vm_1.0.0.efi", "vm_2.0.0+3.efi"])
    }

    @Test("What is staged already may be asked for, also before its wave")
    func askedForAgain() async throws {
        let waves = try WaveTable([.init(seed: 0, time: World.origin.seconds + 9000)])
        let early = try await Site()
        try await early.publish(early.world.releases[2], waves: waves)
        let updater = try TestHost(early).updater()
        #expect(try await updater.refresh(requesting: "3.0.0", ignoringWaves: true) == nil)
        try await updater.prepare()
        #expect(try await updater.refresh(requesting: "3.0.0") == nil)
        #expect(await updater.status?.state == .staged)
    }

    @Test("During a trial nothing else can be asked for", arguments: ["2.0.0", "3.0.0", "9.9.9"])
    func askedForDuringATrial(_ version: String) async throws {
        #expect(try await updater.refresh(requesting: "2.0.0") == nil)
        try await updater.prepare()
        try await updater.activate()
        let boot = try host.boot()
        let next = try host.updater()
        #expect(try await next.review(boot).trial == .running(version: "2.0.0"))
        await #expect(throws: UpdaterError.trialRuns(version: "2.0.0")) {
            try await next.refresh(requesting: version)
        }
    }

    @Test("A look that nobody asked for leaves what was asked for by name", arguments: [false, true])
    func automaticLook(isStaged: Bool) async throws {
        #expect(try await updater.refresh(requesting: "2.0.0") == nil)
        if isStaged { try await updater.prepare() }
        // Also after a restart of the service.
        let next = try host.updater()
        #expect(try await next.refresh(isAutomatic: true) == nil)
        #expect(await next.status?.chosenUpdate?.version == "2.0.0")
        #expect(await next.status?.availableUpdates.contains("3.0.0") == true)
        #expect(await next.status?.state == (isStaged ? .staged : .available))
        // Not one that was withdrawn.
        _ = try await site.open().withdraw("vm/amd64/2.0.0")
        #expect(try await next.refresh(isAutomatic: true) == nil)
        #expect(await next.status?.chosenUpdate?.version == "3.0.0")
        #expect(await next.status?.state == .available)
    }

    @Test("What a look chose by itself, another one replaces by what is newer")
    func automaticChoice() async throws {
        let site = try await Site()
        let updater = try TestHost(site).updater()
        #expect(try await updater.refresh(isAutomatic: true) == nil)
        #expect(await updater.status?.chosenUpdate?.version == "2.0.0")
        try await site.publish(site.world.releases[2])
        #expect(try await updater.refresh(isAutomatic: true) == nil)
        #expect(await updater.status?.chosenUpdate?.version == "3.0.0")
    }

    @Test(
        "An activation that was killed before its record is one, also for a service that starts in the same boot"
    )
    func activationWithoutRecord() async throws {
        _ = try await updater.refresh()
        try await updater.prepare()
        let record = try String(contentsOfFile: host.record, encoding: .utf8)
        try await updater.activate()
        // As it is when the command has begun.
        try record.replacing("\"prepare\"", with: "\"activate\"").replacing(
            "\"Success\"",
            with: "\"Unknown\""
        )
        .write(toFile: host.record, atomically: true, encoding: .utf8)
        let next = try host.updater()
        #expect(await next.status?.state == .staged)
        #expect(await next.status?.mostRecentCommand.status == .unknown)
        try await next.finishActivation()
        #expect(await next.status?.state == .ready)
        #expect(await next.status?.stagingPartition?.nextToBoot == true)
        #expect(await next.status?.mostRecentCommand.kind == .activate)
        #expect(await next.status?.mostRecentCommand.status == .success)
        try await next.deactivate()
        #expect(try host.entryNames() == ["vm_1.0.0.efi"])
        // Staged only is nothing to finish.
        try await next.finishActivation()
        #expect(await next.status?.state == .staged)
    }
}
