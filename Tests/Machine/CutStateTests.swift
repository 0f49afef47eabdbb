import Foundation
import Hashing
import ReleaseManifest
import TestSupport
import Testing

@testable import UpdateFixtures

/// Which states are booted: what the environment says.
private enum CutChoice {
    /// How many.
    static let count = Int(clamping: number("BULKHEAD_CUT_STATES") ?? 0)
    /// Those of an earlier run are booted again with its number.
    static let seed = number("BULKHEAD_CUT_SEED") ?? UInt64.random(in: 0..<1 << 32)

    private static func number(_ name: String) -> UInt64? {
        ProcessInfo.processInfo.environment[name].flatMap(UInt64.init)
    }
}

/// Some of the states that a loss of power during an update may leave are not only judged but really booted.
///
/// Tests/UpdateEngineTests judges all of them, on small disks with releases that no machine could boot. Here the same is
/// done with two real releases on the disk of a machine: the machine boots what the judge says, all of it works, what the
/// cut left is put right, and the update is done again.
@Suite(
    "States of cut updates",
    .serialized,
    .ownThreads,
    .enabled(if: BuiltImage.isExpected, BuiltImage.skipComment),
    .enabled(if: CutChoice.count > 0, "SKIPPED: BULKHEAD_CUT_STATES is not set; 'make soak' sets it")
)
struct CutStateTests {
    private static let sections = [
        Probe.Section(name: "state", command: "/usr/bin/systemctl is-system-running"),
        Probe.Section(
            name: "failed",
            command: "/usr/bin/systemctl list-units --failed --plain --no-legend --full"
        ),
        Probe.Section(name: "os", command: "/usr/bin/apiclient get os"),
        Probe.Section(name: "motd", command: "/usr/bin/apiclient get settings.motd"),
        Probe.Section(name: "apply", command: "/usr/bin/apiclient update apply --check"),
        Probe.Section(
            name: "journal",
            command: "/usr/bin/journalctl -b --no-pager -o short-monotonic -u updater -u bulkhead-commit-boot"
        ),
    ]

    @Test func aSampleOfThemBoots() async throws {
        let releases = try await UpdateReleases()
        let image = releases.image
        let next = try await releases.publish(.good)
        // A boot makes the other slot, state and data.
        let first = try Guest(disk: image.disk, of: image, sections: [], userData: releases.userData)
        let disk = try await first.bootAndPowerOff().disk
        let update = try await RecordedUpdate(of: disk, from: image, to: next, of: releases)
        for part in update.parts where part.isOurs {
            let intervals = CutStates(part.events, seed: 0).intervals
            print("cut states: \(part.name): \(part.events.count) events, \(intervals.count) flush intervals")
        }
        let picks = CutPick.sample(CutChoice.count, of: update, seed: CutChoice.seed)
        #expect(picks.count == CutChoice.count)
        print("cut states: \(picks.count) of the seed \(CutChoice.seed) (BULKHEAD_CUT_SEED)")
        let machine = CutMachine(
            guest: first,
            old: image,
            new: next,
            update: update,
            disk: try CutDisk(disk, update),
            loader: try Self.loader(of: disk)
        )
        for (number, pick) in picks.enumerated() {
            let start = ContinuousClock.now
            do {
                let end = try await machine.boot(pick, sections: Self.sections)
                let seconds = (ContinuousClock.now - start).components.seconds
                print("cut state \(number + 1): \(pick); \(end); \(seconds) s")
            } catch {
                // The others are booted nevertheless.
                Issue.record(error, "cut state \(number + 1) of the seed \(CutChoice.seed): \(pick)")
            }
        }
    }

    private static func loader(of disk: RawDisk) throws -> SHA256Digest {
        let place = try TemporaryDirectory()
        let (status, output) = try runTool(
            "mcopy",
            "-i",
            try disk.mtoolsImage(),
            "::/EFI/BOOT/BOOTX64.EFI",
            place.file("loader")
        )
        try #require(status == 0, "mcopy: \(output)")
        return SHA256Digest(hashing: [UInt8](try Data(contentsOf: URL(filePath: place.file("loader")))))
    }
}

/// A machine that lost its power while it was updated.
private struct CutMachine {
    let guest: Guest
    let old: BuiltImage
    let new: BuiltImage
    let update: RecordedUpdate
    let disk: CutDisk
    let loader: SHA256Digest

    /// What `apiclient get os` prints.
    private struct Answer: Decodable {
        struct OS: Decodable {
            let version: String
            enum CodingKeys: String, CodingKey { case version = "version_id" }
        }
        let os: OS
    }

    /// Boots a state and checks what becomes of it.
    ///
    /// - Returns: what was booted, and the menu before and after it.
    func boot(_ pick: CutPick, sections: [Probe.Section]) async throws -> String {
        let comment = Comment(rawValue: "\(pick)")
        try disk.bring(to: pick)
        let judge = try Judge(
            table: update.table,
            loader: loader,
            kernels: [old, new].map(\.release.uki.sha256)
        )
        let before = try menu(of: disk.disk, judge, comment)
        let selected = try #require(before.files.first, comment)
        let isNew = selected.hasPrefix("\(new.entryName).efi") || selected.hasPrefix("\(new.entryName)+")

        let guest = try guest.copy(disk: disk.disk.path)
        let boot = try await guest.bootAndPowerOff(sections: sections)
        // Its disk goes with it.
        defer { withExtendedLifetime(guest) {} }
        let report = boot.report
        #expect(try report.text("state") == "running", "\(pick): \(report.sections)")
        #expect(try report.text("failed").isEmpty, comment)
        #expect(try report.text("motd").contains("kept over all updates"), comment)
        let answer = try JSONDecoder().decode(Answer.self, from: Data(try report.text("os").utf8))
        #expect(answer.os.version == (isNew ? new : old).release.version, comment)

        // The judge verifies both slots, if both have an entry.
        let after = try menu(of: boot.disk, judge, comment)
        #expect(after.isSound, comment)
        #expect(
            after.files.count == 2 && after.files.last == "\(old.entryName).efi",
            "\(pick): \(after.files)"
        )
        if isNew {
            // It proved itself, or had before.
            #expect(after.files.first == "\(new.entryName).efi", "\(pick): \(report.sections)")
            #expect(try report.text("apply").contains("No updates available."), "\(pick): \(report.sections)")
        } else {
            #expect(after.files.first?.hasPrefix("\(new.entryName)+") == true, "\(pick): \(report.sections)")
        }
        try checkESP(of: boot.disk, comment)
        return "\(answer.os.version) came up; \(before.files) -> \(after.files)"
    }

    /// What the boot loader would make of a disk, by the harness's judge, who must find nothing wrong with it.
    private func menu(of disk: RawDisk, _ judge: Judge, _ comment: Comment) throws -> (
        isSound: Bool, files: [String]
    ) {
        try judge.add(RecordedDisk(file: disk.path))
        let (verdict, output) = try judge.verdict()
        try #require(verdict.bad == 0, "\(comment): \(output.prefix(4000))")
        return try #require(try judge.menus().last, comment)
    }

    private func checkESP(of disk: RawDisk, _ comment: Comment) throws {
        let place = try TemporaryDirectory()
        try disk.extract(disk.partition("esp"), to: place.file("esp"))
        let (status, output) = try runTool("fsck.vfat", "-n", place.file("esp"))
        #expect(status == 0, "\(comment): \(output)")
    }
}
