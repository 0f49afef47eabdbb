import BlockDevices
import Bytes
import TestSupport
import Testing

@testable import FAT

/// What the system's cache says of the medium, and what is on it, are two things.
@Suite struct CacheTests {
    private func drive() throws -> Drive {
        let sample = try Sample(32, kibibytes: 40_960, options: ["-s", "1"])
        try sample.makeFolder("EFI")
        try sample.add("EFI/a long name.efi", Sample.pattern(5000))
        return try Drive(sample)
    }

    /// Somebody mounts the partition, whose pages are others than those of the whole disk.
    @Test func whatAnotherWroteIsSeen() throws {
        let drive = try drive()
        let cached = CachedDisk(drive.disk)
        try FATWriter(cached).create("EFI/ours.efi", Sample.pattern(3000))
        try drive.writer.create("EFI/theirs.efi", Sample.pattern(9000))
        try FATWriter(cached).create("EFI/ours again.efi", Sample.pattern(2000))
        #expect(try FATCheck.repair(cached).repaired == [])
        try drive.expect([
            "EFI/a long name.efi": Sample.pattern(5000), "EFI/ours.efi": Sample.pattern(3000),
            "EFI/theirs.efi": Sample.pattern(9000), "EFI/ours again.efi": Sample.pattern(2000),
        ])
    }

    /// Linux reports a failed write once and keeps in its cache what the medium does not have.
    @Test func whatAFailedFlushLostIsDoneAgain() throws {
        let drive = try drive()
        let cached = CachedDisk(drive.disk)
        try FATWriter(cached).create("EFI/second.efi", Sample.pattern(3000))
        cached.failNextFlush()
        #expect(throws: FATError.self) { try FATWriter(cached).remove("EFI/second.efi") }
        try FATWriter(cached).remove("EFI/second.efi")
        #expect(try FATCheck.repair(cached).repaired == [])
        try drive.expect(["EFI/a long name.efi": Sample.pattern(5000)])
        cached.failNextFlush()
        #expect(throws: FATError.self) { try FATWriter(cached).create("EFI/third.efi", Sample.pattern(3000)) }
        try FATWriter(cached).create("EFI/third.efi", Sample.pattern(3000))
        #expect(try FATCheck.repair(cached).remaining == [])
        try drive.expect([
            "EFI/a long name.efi": Sample.pattern(5000), "EFI/third.efi": Sample.pattern(3000),
        ])
    }

    /// A program is killed at any event, without a flush, and the next one begins; then the power goes.
    @Test(arguments: ["create", "compact", "remove", "rename"])
    func whatAKilledProgramWroteIsFlushedFirst(_ change: String) throws {
        let drive = try drive()
        try drive.writer.create("EFI/an old name.efi", Sample.pattern(1500))
        try drive.writer.create("EFI/a removed name.efi", [])
        try drive.writer.remove("EFI/a removed name.efi")
        let before = drive.disk.copy()
        drive.disk.beginLog()
        switch change {
        case "create": try drive.writer.create("EFI/a new name.efi", Sample.pattern(1200))
        case "compact": try drive.writer.compact("EFI")
        case "remove": try drive.writer.remove("EFI/an old name.efi")
        default:
            try drive.writer.rename("EFI/an old name.efi", to: "a name that is much longer than before.efi")
        }
        let events = drive.disk.events
        var count = 0
        for killed in 1..<events.count where events[killed - 1] != .flush {
            let flushed = events[..<killed].lastIndex(of: .flush).map { $0 + 1 } ?? 0
            let durable = before.applying(events[..<flushed])
            let disk = durable.copy()
            for case .write(let offset, let bytes) in events[flushed..<killed] {
                try disk.write(bytes, at: offset)
            }
            _ = try FATCheck.repair(disk)
            var states = CutStates(disk.events, seed: 3)
            states.drawn = 40
            try states.forEach(from: durable) { base, writes in
                let cut = base.applying(writes)
                let check = try FATCheck.repair(cut)
                let comment = Comment(rawValue: "\(change) killed before \(killed)")
                #expect(check.remaining == [], comment)
                let volume = try FATVolume(cut.source)
                let contents = try volume.contents("EFI/a long name.efi")
                let bytes = try contents.read(at: 0, count: Int(contents.size))
                #expect(bytes == Sample.pattern(5000), comment)
                count += 1
            }
        }
        print("cut states after a kill in \(change): \(count)")
        #expect(count > 1)
    }
}
