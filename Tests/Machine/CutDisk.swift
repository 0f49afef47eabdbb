import BlockDevices
import Foundation
import TestSupport
import Testing

/// A disk in a file that is brought from one state of an update to another, later one.
final class CutDisk {
    /// The file.
    let disk: RawDisk
    private let device: FileBlockDevice
    private let update: RecordedUpdate
    private var part = 0
    private var done = 0
    /// What was there before the writes of a state, of which the next one knows nothing.
    private var before: [(offset: UInt64, bytes: [UInt8])] = []

    /// Takes the disk as it was before the update.
    init(_ disk: RawDisk, _ update: RecordedUpdate) throws {
        self.disk = disk
        self.update = update
        device = try FileBlockDevice(path: disk.path, access: .readWrite)
    }

    /// Brings it to a state that is not earlier than the one before.
    func bring(to pick: CutPick) throws {
        for (offset, bytes) in before.reversed() { try device.write(bytes, at: offset) }
        before = []
        while part < pick.part {
            try write(update.parts[part].events[done...])
            (part, done) = (part + 1, 0)
        }
        try write(update.parts[part].events[done..<pick.interval.start])
        done = pick.interval.start
        let writes = pick.state.part(of: pick.interval.writes)
        for case .write(let offset, let bytes) in writes {
            before.append((offset, try device.read(at: offset, count: bytes.count)))
            try device.write(bytes, at: offset)
        }
        try putState(update.parts[part].state)
    }

    private func write(_ events: ArraySlice<RecordedDisk.Event>) throws {
        for case .write(let offset, let bytes) in events { try device.write(bytes, at: offset) }
    }

    /// Gives the machine what the updater remembered, in the place where its own has it.
    private func putState(_ folder: String) throws {
        let place = try TemporaryDirectory()
        let (commands, copy) = (place.file("commands"), place.file("copy"))
        let files = try FileManager.default.subpathsOfDirectory(atPath: folder).sorted()
        // debugfs goes on after what is there already, or is not.
        let lines = files.flatMap { file -> [String] in
            var isFolder: ObjCBool = false
            _ = FileManager.default.fileExists(atPath: "\(folder)/\(file)", isDirectory: &isFolder)
            let target = "/updates/\(file)"
            return isFolder.boolValue
                ? ["mkdir \(target)"] : ["rm \(target)", "write \(folder)/\(file) \(target)"]
        }
        let record = "/updates/record.json"
        try (["mkdir /updates"] + lines + ["dump \(record) \(copy)"]).joined(separator: "\n")
            .write(toFile: commands, atomically: true, encoding: .utf8)
        let (_, output) = try runTool("debugfs", "-w", "-f", commands, try disk.ext4("state"))
        try #require(
            FileManager.default.contentsEqual(atPath: copy, andPath: "\(folder)/record.json"),
            "debugfs: \(output)"
        )
    }
}
