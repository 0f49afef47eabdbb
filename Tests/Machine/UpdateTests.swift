import Foundation
import ReleaseManifest
import TestSupport
import Testing
import VirtualMachine

/// A host over the whole life of updates: one that is good, one that is not healthy, one that hangs, and one that is
/// taken back.
///
/// All happens on one machine, whose emulated boots are what takes the time; each test looks at one part of it.
private struct UpdateStory: Sendable {
    let releases: UpdateReleases
    /// What the power's going in the middle of an update's first step left.
    let entriesAfterCut: Set<String>
    /// The image's own version looks for updates, and takes the good one.
    let beforeGood: Report
    let entriesBeforeGood: Set<String>
    /// The good one has proven itself; then it takes the one that is not healthy.
    let good: Report
    let entriesAfterGood: Set<String>
    /// The boots of the one that is not healthy.
    let unhealthy: [[String]]
    /// The good one again; it takes the failed one once more, as it was asked for by version, and takes that back.
    let afterUnhealthy: Report
    let entriesAfterUnhealthy: Set<String>
    /// The good one, still; then it takes the one that hangs.
    let cancelled: Report
    /// The boots of the one that hangs.
    let hanging: [[String]]
    /// The good one at the end.
    let last: Report
    private let guest: Guest

    /// Whether the release that hangs is tried too: five more boots, and the watchdog's time in three of them.
    static let hangs = ProcessInfo.processInfo.environment["BULKHEAD_UPDATE_HANG"] == "1"

    /// As many tries as a new entry gets.
    static let tries = 3

    private static let client = "/usr/bin/apiclient"
    static func ask(_ name: String, _ arguments: String) -> Probe.Section {
        Probe.Section(name: name, command: "\(client) \(arguments)")
    }

    /// What is asked at the beginning of each boot.
    private static let state = [
        Probe.Section(name: "state", command: "/usr/bin/systemctl is-system-running"),
        Probe.Section(name: "failed", command: "/usr/bin/systemctl list-units --failed --plain --no-legend"),
        ask("os", "get os"),
        ask("motd", "get settings.motd"),
        ask("status", "update status --json"),
        ask("health", "health"),
    ]
    private static let journal = [
        Probe.Section(name: "journal", command: "/usr/bin/journalctl -b --no-pager -o short-monotonic")
    ]

    private static let record = Recording {
        let releases = try await UpdateReleases()
        let image = releases.image
        try await releases.publish(.good)
        let guest = try Guest(disk: image.disk, of: image, userData: releases.userData)
        try await cutPower(of: guest)
        let entriesAfterCut = try guest.entries()
        let beforeGood = try await guest.bootUntilReset(
            sections: state + [
                ask("check", "update check"), ask("apply", "update apply"),
                ask("applied", "update status --json"),
            ] + journal + [ask("reboot", "reboot")]
        )
        let entriesBeforeGood = try guest.entries()

        try await releases.publish(.unhealthy)
        let good = try await guest.bootUntilReset(
            sections: state + journal + [
                ask("check", "update check"), ask("apply", "update apply --reboot"),
            ]
        )
        let entriesAfterGood = try guest.entries()

        let unhealthy = try await boots(of: guest)
        let afterUnhealthy = try await guest.bootUntilReset(
            sections: state + journal + [
                ask("check", "update check"),
                Probe.Section(
                    name: "apply",
                    command: "/usr/lib/bulkhead/updater update -i \(releases.version(.unhealthy))"
                ),
                ask("applied", "update status --json"),
                ask("cancel", "update cancel"),
                ask("reboot", "reboot"),
            ]
        )
        let entriesAfterUnhealthy = try guest.entries()

        let cancelled: Report
        var hanging: [[String]] = []
        let last = state + journal + [ask("check", "update check")]
        if hangs {
            try await releases.publish(.hanging)
            cancelled = try await guest.bootUntilReset(
                sections: last + [ask("apply", "update apply --reboot")]
            ).report
            hanging = try await boots(of: guest)
        } else {
            cancelled = try await guest.bootAndPowerOff(sections: last).report
        }
        let end = hangs ? try await guest.bootAndPowerOff(sections: last).report : cancelled
        return UpdateStory(
            releases: releases,
            entriesAfterCut: entriesAfterCut,
            beforeGood: beforeGood.report,
            entriesBeforeGood: entriesBeforeGood,
            good: good.report,
            entriesAfterGood: entriesAfterGood,
            unhealthy: unhealthy,
            afterUnhealthy: afterUnhealthy.report,
            entriesAfterUnhealthy: entriesAfterUnhealthy,
            cancelled: cancelled,
            hanging: hanging,
            last: end,
            guest: guest
        )
    }

    /// Boots, and cuts the power at any moment of an update's preparation.
    private static func cutPower(of guest: Guest) async throws {
        let prepare = Probe.Section(name: "prepare", command: "/usr/lib/bulkhead/updater prepare")
        try await guest.boot(sections: [ask("check", "update check"), prepare]) { machine in
            try await machine.waitForConsole(
                containing: "Id=probe-prepare.service",
                within: Guest.limit,
                on: machine.secondSerialPort
            )
            let delay = Duration.milliseconds(Int.random(in: 0..<20_000))
            print("the power is cut \(delay) after the start of an update's preparation")
            try await Task.sleep(for: delay)
            await machine.cutPower()
        }
    }

    /// The console of each boot of a version that fails; nobody does anything but wait.
    private static func boots(of guest: Guest) async throws -> [[String]] {
        var consoles: [[String]] = []
        for _ in 0..<tries { consoles.append(try await guest.bootUntilReset().console) }
        return consoles
    }

    /// The machine's life, which the first test that asks for it starts.
    static func get() async throws -> UpdateStory { try await record.value }
}

extension Guest {
    /// The names of the boot entries on the disk as it is now.
    fileprivate func entries() throws -> Set<String> { Set(try flattenedDisk().espNames("EFI/Linux")) }
}

@Suite(
    "Updates of a host",
    .serialized,
    .ownThreads,
    .enabled(if: BuiltImage.isExpected, BuiltImage.skipComment)
)
struct UpdateTests {
    /// Checks that a boot of a version is healthy, and that the settings are what they were.
    private func expectHealthy(_ report: Report, version: String) throws {
        #expect(try report.text("state") == "running", "\(report.sections["failed"] ?? [])")
        let os = try report.object("os")["os"] as? [String: Any]
        #expect(os?["version_id"] as? String == version)
        #expect(try report.text("motd").contains("kept over all updates"))
    }

    @Test func aReleaseIsFoundTakenAndProvesItself() async throws {
        let story = try await UpdateStory.get()
        let image = story.releases.image
        let good = story.releases.version(.good)
        try expectHealthy(story.beforeGood, version: image.release.version)
        // The power went before: nothing was to be booted yet, and the next attempt succeeds.
        #expect(story.entriesAfterCut == ["\(image.entryName).efi"])
        #expect(try story.beforeGood.text("check").contains(good))
        // Until the reboot the running entry is there, and the one on trial has all its tries.
        let applied = try story.beforeGood.object("applied")
        #expect(applied["update_state"] as? String == "Ready")
        #expect(
            story.entriesBeforeGood == ["\(image.entryName).efi", "\(story.releases.entry(.good))+3.efi"]
        )

        try expectHealthy(story.good, version: good)
        #expect(try story.good.object("status")["update_state"] as? String == "Idle")
        let journal = try story.good.text("journal")
        #expect(journal.contains("the running release has proved itself: its boot entry is committed"))
        // The known-good entry has no counter; the slot it came from has the next on trial.
        #expect(
            story.entriesAfterGood == [
                "\(story.releases.entry(.good)).efi", "\(story.releases.entry(.unhealthy))+3.efi",
            ]
        )
    }

    /// An update costs what differs between the two releases, not an image.
    @Test func anUpdateFetchesWhatChanged() async throws {
        let story = try await UpdateStory.get()
        let bytes = story.releases.web.requests
            .filter { $0.path.contains("/targets/") && [200, 206].contains($0.status) }
            .map(\.byteCount).reduce(0, +)
        let image = story.releases.image.release
        // Three updates and more; one fetched whole would be more than this.
        #expect(UInt64(bytes) < image.root.size / 2 + image.uki.size, "\(bytes) bytes were fetched")
    }

    @Test func anUnhealthyReleaseIsLeftByItself() async throws {
        let story = try await UpdateStory.get()
        let failed = story.releases.version(.unhealthy)
        #expect(try story.good.text("check").contains(failed))
        for console in story.unhealthy {
            #expect(console.contains { $0.contains("failing-check.service") })
        }
        try expectHealthy(story.afterUnhealthy, version: story.releases.version(.good))
        // Which one failed, and why: the status, the health, and the journal.
        let report = story.afterUnhealthy
        let update = try #require(try report.object("status")["failed_update"] as? [String: Any])
        #expect(update["version"] as? String == failed)
        #expect((update["reason"] as? String)?.contains("failing-check.service") == true)
        for place in ["health", "journal"] {
            let text = try report.text(place)
            #expect(text.contains(failed) && text.contains("failing-check.service"), "\(place): \(text)")
        }
        // It is not offered again, unless it is asked for by its version.
        #expect(try report.text("check").contains("No updates available."))
        let asked = try report.object("applied")
        #expect(asked["update_state"] as? String == "Ready")
        #expect((asked["chosen_update"] as? [String: Any])?["version"] as? String == failed)
    }

    @Test func aCancelledUpdateIsNotBooted() async throws {
        let story = try await UpdateStory.get()
        #expect(try story.afterUnhealthy.text("cancel").contains("Update has been cancelled"))
        #expect(story.entriesAfterUnhealthy == ["\(story.releases.entry(.good)).efi"])
        try expectHealthy(story.cancelled, version: story.releases.version(.good))
    }

    @Test(.enabled(if: UpdateStory.hangs, "BULKHEAD_UPDATE_HANG is not 1; 'make soak' sets it"))
    func aReleaseThatHangsIsLeftByTheWatchdog() async throws {
        let story = try await UpdateStory.get()
        for console in story.hanging {
            #expect(console.contains { $0.contains("this program hangs the machine now") })
            #expect(!console.contains { $0.contains("reboot: Restarting system") })
        }
        try expectHealthy(story.last, version: story.releases.version(.good))
        let update = try #require(try story.last.object("status")["failed_update"] as? [String: Any])
        #expect(update["version"] as? String == story.releases.version(.hanging))
        #expect(try story.last.text("check").contains("No updates available."))
    }
}
