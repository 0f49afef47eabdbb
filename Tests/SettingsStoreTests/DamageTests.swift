import Foundation
import Glibc
import JSON
import SettingsModel
import TestSupport
import Testing

@testable import SettingsStore

/// Files that are not what was written, and real folders.
struct DamageTests {
    @Test func everyFlippedByteIsFound() throws {
        let disk = CutDisk()
        try openStore(disk).set(["a": "1"])
        try openStore(disk).set(["a": "2"])
        let name = FileName.generation(3)
        let bytes = try #require(disk.files[name])
        for index in bytes.indices.dropLast() {
            var rotten = disk.files
            rotten[name]?[index] ^= 0x01
            let store = try openStore(CutDisk(rotten))
            #expect(store.value("a") == "1" && !store.warnings.isEmpty, "byte \(index)")
        }
    }

    @Test func damagedOneIsMovedAsideByTheNextCommit() throws {
        let disk = CutDisk()
        try openStore(disk).set(["a": "1"])
        disk.put(FileName.generation(9), Array("{".utf8))
        let store = try openStore(disk)
        #expect(store.value("a") == "1")
        #expect(disk.files[FileName.generation(9)] != nil)
        try store.set(["b": "1"])
        #expect(store.current.number == 10)
        #expect(disk.files[FileName.damaged(FileName.generation(9))] == Array("{".utf8))
        #expect(disk.files[FileName.generation(9)] == nil)
        #expect(try openStore(disk).warnings == [])
    }

    @Test func allDamagedStartsFromDefaults() throws {
        let disk = CutDisk()
        for number: UInt64 in 1...12 { disk.put(FileName.generation(number), [0, 1, 2]) }
        disk.put(FileName.pending("t"), [])
        disk.put("lost+found", [])
        let store = try openStore(disk)
        #expect(store.current.settings == SettingsDocument())
        #expect(try store.beginBoot(defaults: texts(["a": "1"])) == [key("a")])
        #expect(store.current.number == 13)
        #expect(disk.files.keys.filter { $0.hasPrefix("damaged-") }.count == StoreLimits.damagedFiles)
        #expect(try openStore(disk).value("a") == "1")
    }

    @Test func errorsOfReadingThatPassAreErrors() throws {
        let disk = CutDisk()
        try openStore(disk).set(["a": "1"])
        disk.unreadable = [FileName.generation(2): EMFILE]
        #expect(throws: StoreError.self) { try openStore(disk) }
        disk.unreadable = [FileName.generation(2): EIO]
        #expect(try openStore(disk).warnings.count == 1)
    }

    @Test func realFolder() throws {
        let parent = try TemporaryDirectory()
        let path = parent.file("settings")
        func open() throws -> SettingsStore { try openStore(try FolderStoreFiles(path: path)) }
        try open().set(["a": "1", "long": .string(String(repeating: "ä", count: 100_000))])
        let store = try open()
        #expect(store.value("a") == "1")
        try store.stage([key("a"): .set("2", .strong)], in: "t")
        let names = try FileManager.default.contentsOfDirectory(atPath: path).sorted()
        #expect(names == [FileName.generation(1), FileName.generation(2), "pending-t.json"])
        for name in names {
            let attributes = try FileManager.default.attributesOfItem(atPath: "\(path)/\(name)")
            #expect(attributes[.posixPermissions] as? Int == 0o600)
        }
        #expect(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int == 0o700)
        // Links, folders and FIFOs under our names are passed over, not followed or waited for.
        try FileManager.default.createSymbolicLink(
            atPath: "\(path)/\(FileName.generation(20))",
            withDestinationPath: FileName.generation(1)
        )
        try FileManager.default.createDirectory(
            atPath: "\(path)/\(FileName.generation(21))",
            withIntermediateDirectories: false
        )
        #expect(mkfifo("\(path)/\(FileName.generation(22))", 0o600) == 0)
        let again = try open()
        #expect(again.value("a") == "1")
        #expect(again.warnings.count == 3)
        #expect(try again.commit("t", by: author) == [key("a")])
        #expect(again.current.number == 23)
        #expect(throws: StoreError.self) {
            try FolderStoreFiles(path: path).rename(
                FileName.generation(1),
                to: FileName.generation(2),
                replacing: false
            )
        }
    }

    @Test func fullDiskLosesNothing() throws {
        let parent = try TemporaryDirectory()
        let mount = parent.file("full")
        try FileManager.default.createDirectory(atPath: mount, withIntermediateDirectories: false)
        let result = try runTool("mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", mount)
        guard result.status == 0 else {
            return print("SKIPPED: fullDiskLosesNothing: mounting a tmpfs needs root: \(result.output)")
        }
        defer { _ = try? runTool("umount", mount) }
        let store = try openStore(try FolderStoreFiles(path: "\(mount)/settings"))
        try store.set(["a": "1"])
        try Data(count: 4096 * 58).write(to: URL(filePath: "\(mount)/filler"))
        #expect(throws: StoreError.self) {
            try store.set(["b": .string(String(repeating: "x", count: 60_000))])
        }
        #expect(store.current.settings == texts(["a": "1"]))
        #expect(
            try openStore(try FolderStoreFiles(path: "\(mount)/settings")).current.settings
                == texts(["a": "1"])
        )
        try FileManager.default.removeItem(atPath: "\(mount)/filler")
        try store.set(["a": "2"])
        #expect(try openStore(try FolderStoreFiles(path: "\(mount)/settings")).value("a") == "2")
    }

    @Test func errorsSayWhatTheSystemSays() {
        func text(_ number: Int32) -> String {
            StoreError.io(operation: "write", path: "/state/x", errno: number).description
        }
        #expect(
            text(ENOSPC)
                == "could not write '/state/x': No space left on device; the state partition is full: see what fills it"
        )
        #expect(text(EROFS).hasSuffix("see the kernel's log for why, and reboot"))
        #expect(text(EFBIG) == "could not write '/state/x': File too large")
    }
}
