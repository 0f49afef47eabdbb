import BlockDevices
import BootSlots
import FAT
import Foundation
import GPT
import ReleaseManifest
import TestSupport
import Testing
import Updater

/// An update of a real machine's disk by the host's own updater, which runs here, and the log of all that it wrote.
struct RecordedUpdate {
    /// What a command wrote.
    struct Part {
        let name: String
        let events: [RecordedDisk.Event]
        /// The folder of what the updater remembered when the command began.
        let state: String
        /// Whether it was the updater that wrote.
        var isOurs = true
    }

    /// The partitions as they were before, which lie where they always will.
    let table: PartitionTable
    /// Install, activate, the loader's first try, bless.
    private(set) var parts: [Part] = []
    private let log: RecordedDisk
    private let place: TemporaryDirectory

    /// Updates the disk of a machine that runs a release and has found none yet; the file stays as it is.
    init(of disk: RawDisk, from old: BuiltImage, to new: BuiltImage, of releases: UpdateReleases) async throws
    {
        place = try TemporaryDirectory()
        log = try RecordedDisk(file: disk.path)
        table = try PartitionTable.parse(log.source).table
        for name in ["state", "work"] {
            try FileManager.default.createDirectory(
                atPath: place.file(name),
                withIntermediateDirectories: true
            )
        }
        let updater = try updater(old, releases)
        let reason = try await updater.refresh()
        try #require(reason == nil, "\(new.release.version) is not taken")
        try await record("install") { try await updater.prepare() }
        try await record("activate") { try await updater.activate() }
        // What the loader does with the entry; its own writes are cut in Tests/UpdateEngineTests.
        let esp = table.partitions[0]
        let tried = "\(new.entryName)+2-1.efi"
        let log = log
        try await record("try") {
            try FATWriter(log.slice(at: esp.offset, size: esp.size, name: "esp"))
                .rename("EFI/Linux/\(new.entryName)+3.efi", to: tried)
        }
        parts[parts.count - 1].isOurs = false
        let boot = RunningBoot(rootHash: new.release.root.hash, bootCountPath: "\\EFI\\Linux\\\(tried)")
        let next = try self.updater(new, releases)
        try await record("review") { _ = try await next.review(boot) }
        try await record("bless") { try await next.commit(boot) }
    }

    /// The updater of a machine that runs a release.
    private func updater(_ image: BuiltImage, _ releases: UpdateReleases) throws -> Updater {
        let release = image.release
        let (osRelease, commandLine) = (place.file("os-release"), place.file("cmdline"))
        try "VARIANT_ID=\(release.variant)\nVERSION_ID=\(release.version)\n"
            .write(toFile: osRelease, atomically: true, encoding: .utf8)
        try release.commandLine.write(toFile: commandLine, atomically: true, encoding: .utf8)
        var system = try RunningSystem.current(osRelease: osRelease, commandLine: commandLine)
        // Not of the machine that the tests run on.
        system.architecture = release.architecture
        let root = [UInt8](try Data(contentsOf: URL(filePath: releases.trustedRoot)))
        let configuration = UpdaterConfiguration(
            metadataURL: releases.web.hostURL("metadata"),
            targetsURL: releases.web.hostURL("targets")
        )
        let log = log
        return try Updater(
            Updater.Environment(
                system: system,
                configuration: { configuration },
                trustedRoot: { root },
                stateFolder: place.file("state"),
                workFolder: place.file("work"),
                openDisk: { Updater.HostDisk(device: log) },
                announce: { _ in },
                now: { Int64(Date().timeIntervalSince1970) }
            )
        )
    }

    private mutating func record(_ name: String, _ body: () async throws -> Void) async throws {
        let state = place.file("state-\(parts.count)")
        try FileManager.default.copyItem(atPath: place.file("state"), toPath: state)
        log.beginLog()
        try await body()
        let events = log.events
        // What a command leaves unflushed, the next one would have to answer for.
        #expect(events.isEmpty || events.last == .flush, "\(name)")
        parts.append(Part(name: name, events: events, state: state))
    }
}
