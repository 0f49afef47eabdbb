import BlockDevices
import BootEntries
import BootSlots
import FAT
import Foundation
import GPT
import Hashing
import HostAPI
import Synchronization
import TUF
import TestSupport
import UpdateEngine

@testable import UpdateFixtures
@testable import Updater

/// A host with a disk, on which updaters run one after the other.
final class TestHost: Sendable {
    struct State {
        var running: SampleRelease
        var configuration: UpdaterConfiguration
        var now: Int64
        var events: [Updater.Event] = []
        var watcher: (@Sendable (Updater.Event) -> Void)?
    }

    let site: Site
    let disk: RecordedDisk
    let sample: SampleHost
    let folder: TemporaryDirectory
    let releases: [SampleRelease]
    private let state: Mutex<State>

    private init(_ other: TestHost) throws {
        (site, sample, releases) = (other.site, other.sample, other.releases)
        disk = other.disk.copy()
        folder = try TemporaryDirectory()
        for name in ["state", "work"] {
            try FileManager.default.copyItem(atPath: other.folder.file(name), toPath: folder.file(name))
        }
        var copy = other.state.withLock { $0 }
        (copy.events, copy.watcher) = ([], nil)
        state = Mutex(copy)
    }

    /// - Parameters:
    ///   - sample: the host's disk; the world's unless another is given.
    ///   - releases: what may run on it: those of the world, and these.
    init(_ site: Site, sample: SampleHost? = nil, releases: [SampleRelease] = []) throws {
        self.site = site
        self.sample = sample ?? site.world.host
        self.releases = site.world.releases + releases
        disk = self.sample.disk.copy()
        folder = try TemporaryDirectory()
        for name in ["state", "work"] {
            try FileManager.default.createDirectory(
                atPath: folder.file(name),
                withIntermediateDirectories: true
            )
        }
        let url = site.server.url
        state = Mutex(
            State(
                running: self.sample.running,
                configuration: UpdaterConfiguration(
                    metadataURL: "\(url)/metadata",
                    targetsURL: "\(url)/targets/"
                ),
                now: World.origin.seconds + 60
            )
        )
    }

    var running: SampleRelease { state.withLock { $0.running } }
    /// What updaters have reported.
    var events: [Updater.Event] { state.withLock { $0.events } }

    /// What went wrong on the way, as updaters have reported it.
    var warnings: [String] {
        events.compactMap { if case .warning(let text) = $0 { text } else { nil } }
    }

    func change(_ body: @Sendable (inout State) -> Void) { state.withLock { body(&$0) } }

    /// Starts an updater, as after a boot or a kill.
    ///
    /// - Parameter device: what it takes for the disk.
    func updater(on device: (any BlockDevice)? = nil) throws -> Updater {
        let device = device ?? disk
        let root = try Data(
            contentsOf: URL(filePath: site.world.folder.file("repository/metadata/1.root.json"))
        )
        return try Updater(
            Updater.Environment(
                system: RunningSystem(
                    variant: "vm",
                    version: UAPIVersion(running.version),
                    architecture: "amd64",
                    rootHash: running.rootHash
                ),
                configuration: { self.state.withLock { $0.configuration } },
                trustedRoot: { Array(root) },
                stateFolder: folder.file("state"),
                workFolder: folder.file("work"),
                openDisk: { Updater.HostDisk(device: device) },
                announce: { _ in },
                now: { self.state.withLock { $0.now } }
            )
        ) { event in
            let watcher = self.state.withLock { state in
                state.events.append(event)
                return state.watcher
            }
            watcher?(event)
        }
    }

    /// The host as it is found when it is killed at this moment.
    func killed() throws -> TestHost { try TestHost(self) }

    /// Does something at the first event of a kind, before whoever reports it goes on.
    func once(_ isWanted: @escaping @Sendable (Updater.Event) -> Bool, _ body: @escaping @Sendable () -> Void)
    {
        change {
            $0.watcher = { event in
                guard isWanted(event) else { return }
                self.change { $0.watcher = nil }
                body()
            }
        }
    }

    /// The record's file.
    var record: String { folder.file("state/record.json") }

    // MARK: The boot loader

    /// Starts the machine, as systemd-boot does: the newest entry that has tries left or no counter; a try is taken.
    ///
    /// - Returns: what the loader says of the boot.
    func boot() throws -> RunningBoot {
        let entries = try entryNames().compactMap { BootEntryName(fileName: $0) }
        let sorted = entries.sorted { left, right in
            let isBad = (left.state.isBad, right.state.isBad)
            if isBad.0 != isBad.1 { return isBad.1 }
            return UAPIVersion(left.name) > UAPIVersion(right.name)
        }
        guard let chosen = sorted.first,
            let release = releases.first(where: { $0.label == chosen.name })
        else { throw ToolFailure(text: "nothing boots: \(entries)") }
        if chosen.counter != nil {
            try esp().rename("EFI/Linux/\(chosen.fileName)", to: chosen.fileNameAfterTry)
        }
        change { $0.running = release }
        return RunningBoot(
            rootHash: release.rootHash,
            bootCountPath: chosen.counter == nil ? nil : "\\EFI\\Linux\\\(chosen.fileNameAfterTry)"
        )
    }

    /// The ESP without a guard, for what firmware, loader and others do.
    func esp() throws -> FATWriter {
        let place = sample.table.partitions[0]
        return try FATWriter(disk.slice(at: place.offset, size: place.size, name: "esp"))
    }

    // MARK: Independent readers

    /// The files of `EFI/Linux`, or of another folder of the ESP, as mtools has them.
    func entryNames(_ folder: String = "EFI/Linux") throws -> [String] {
        let place = try TemporaryDirectory()
        try saveESP(place.file("esp"))
        let (status, output) = try runTool("mdir", "-i", place.file("esp"), "-b", "::/\(folder)")
        guard status == 0 else { return [] }
        return output.split(separator: "\n").compactMap { $0.split(separator: "/").last.map(String.init) }
            .sorted()
    }

    /// The bytes of a file of the ESP, as mtools has them; nil if it has none.
    func espFile(_ path: String) throws -> [UInt8]? {
        let place = try TemporaryDirectory()
        try saveESP(place.file("esp"))
        let (status, _) = try runTool("mcopy", "-n", "-i", place.file("esp"), "::/\(path)", place.file("out"))
        return status == 0 ? Array(try Data(contentsOf: URL(filePath: place.file("out")))) : nil
    }

    /// Whether fsck.vfat finds nothing to do.
    func fsckIsContent() throws -> Bool {
        let place = try TemporaryDirectory()
        try saveESP(place.file("esp"))
        return try runTool("fsck.vfat", "-n", place.file("esp")).status == 0
    }

    private func saveESP(_ path: String) throws {
        let place = sample.table.partitions[0]
        try Data().write(to: URL(filePath: path))
        let file = try FileHandle(forWritingTo: URL(filePath: path))
        try file.truncate(atOffset: place.size)
        for (offset, bytes) in disk.pages where place.offset <= offset && offset < place.end {
            try file.seek(toOffset: offset - place.offset)
            try file.write(contentsOf: Data(bytes))
        }
        try file.close()
    }

    /// Whether veritysetup finds the slot (0 or 1) to be a release.
    func verifies(slot: Int, _ release: SampleRelease) throws -> Bool {
        let place = try TemporaryDirectory()
        for (name, number) in [("root", 1 + 2 * slot), ("tree", 2 + 2 * slot)] {
            let part = sample.table.partitions[number]
            try Data(disk.read(at: part.offset, count: Int(part.size))).write(
                to: URL(filePath: place.file(name))
            )
        }
        let (status, _) = try runTool(
            "veritysetup",
            "verify",
            place.file("root"),
            place.file("tree"),
            release.rootHash.hex
        )
        return status == 0
    }

    /// The partition labels that sgdisk reads, and whether it is content with the table.
    func labels() throws -> (names: [String], isWhole: Bool) {
        let place = try TemporaryDirectory()
        try disk.save(to: place.file("disk"))
        let names = try sample.table.partitions.map { part -> String in
            let (_, output) = try runTool("sgdisk", "-i", String(part.number), place.file("disk"))
            let line = output.split(separator: "\n").first { $0.hasPrefix("Partition name:") }
            return String(line?.split(separator: "'").last ?? "")
        }
        let check = try runTool("sgdisk", "-v", place.file("disk"))
        return (names, check.output.contains("No problems found"))
    }

    /// The bytes of the slot that runs at first, of everything behind the slots, and of the good entry.
    func untouched() throws -> [[UInt8]] {
        var result = try [1, 2, 5].map { number in
            let part = sample.table.partitions[number]
            return try disk.read(at: part.offset, count: Int(part.size))
        }
        result.append(try espFile("EFI/Linux/\(sample.running.label).efi") ?? [])
        return result
    }
}

extension BootEntryState {
    fileprivate var isBad: Bool { if case .bad = self { true } else { false } }
}
