import BlockDevices
import Bytes
import Foundation
import TestSupport
import Testing

@Suite struct FileBlockDeviceTests {
    private func image(_ size: Int) throws -> (TemporaryDirectory, String) {
        let folder = try TemporaryDirectory()
        let path = folder.file("disk")
        try Data(count: size).write(to: URL(filePath: path))
        return (folder, path)
    }

    @Test func whatIsWrittenIsRead() throws {
        let (folder, path) = try image(1 << 20)
        defer { withExtendedLifetime(folder) {} }
        let device = try FileBlockDevice(path: path, access: .readWrite)
        #expect(device.byteCount == 1 << 20)
        try device.write([1, 2, 3], at: 8191)
        try device.flush()
        #expect(try device.read(at: 8190, count: 5) == [0, 1, 2, 3, 0])
        var page = [UInt8](repeating: 9, count: 4096)
        try page.withUnsafeMutableBytes { try device.readMedium(at: 8192, into: $0) }
        #expect(page.prefix(3) == [2, 3, 0])
        let slice = try device.slice(at: 8192, size: 4096, name: "part")
        try slice.write([7], at: 4095)
        #expect(try device.read(at: 12287, count: 1) == [7])
        #expect(try slice.source.read(at: 0, count: 2) == [2, 3])
    }

    /// The file of a loop device is its medium, and its cache does not hear of what is changed there.
    @Test(.enabled(if: hasLoopDevices, "losetup has no loop device for us"))
    func theMediumIsReadAlsoWhereTheCacheHoldsSomethingElse() throws {
        let (folder, path) = try image(8 << 20)
        defer { withExtendedLifetime(folder) {} }
        let loop = try runTool("losetup", "--find", "--show", path)
        try #require(loop.status == 0, "\(loop.output)")
        let name = loop.output.trimmingCharacters(in: .whitespacesAndNewlines)
        defer { _ = try? runTool("losetup", "--detach", name) }
        let device = try FileBlockDevice(path: name, access: .readWrite)
        // In pieces for which the kernel takes large folios.
        for piece in 0..<8 {
            try device.write([UInt8](repeating: 1, count: 1 << 20), at: UInt64(piece) << 20)
        }
        try device.flush()
        let medium = try FileBlockDevice(path: path, access: .readWrite)
        try medium.write([UInt8](repeating: 2, count: 4 << 20), at: 2 << 20)
        try medium.flush()
        // More than is read at a time into memory off the grid.
        let count = 272 << 10
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: count + 4096, alignment: 4096)
        defer { memory.deallocate() }
        for misalignment in [0, 1] {
            let buffer = UnsafeMutableRawBufferPointer(rebasing: memory[misalignment..<misalignment + count])
            try device.readMedium(at: 3 << 20 + 4096, into: buffer)
            #expect(buffer.allSatisfy { $0 == 2 })
            // Off every disk's grid.
            let odd = UnsafeMutableRawBufferPointer(rebasing: memory[misalignment..<misalignment + 100])
            try device.readMedium(at: 100, into: odd)
            #expect(odd.allSatisfy { $0 == 1 })
        }
    }

    private static let hasLoopDevices = (try? runTool("losetup", "--find"))?.status == 0

    @Test func nothingOutsideIsTouched() throws {
        let (folder, path) = try image(8192)
        defer { withExtendedLifetime(folder) {} }
        let device = try FileBlockDevice(path: path, access: .readWrite)
        let ranges: [(UInt64, Int)] = [(8192, 1), (0, 8193), (UInt64.max, 2), (8191, 2)]
        for (offset, count) in ranges {
            let error = BlockDeviceError.outOfBounds(device: path, offset: offset, count: count, size: 8192)
            #expect(throws: error) { try device.write([UInt8](repeating: 1, count: count), at: offset) }
            #expect(throws: error) { try device.read(at: offset, count: count) }
        }
        let slice = try device.slice(at: 4096, size: 1024, name: "part")
        #expect(throws: BlockDeviceError.self) { try slice.write([1, 1], at: 1023) }
        #expect(throws: BlockDeviceError.self) { try device.slice(at: 8000, size: 4096, name: "part") }
        #expect(try Data(contentsOf: URL(filePath: path)) == Data(count: 8192))
    }

    @Test func errorsOfTheSystemAreNamed() throws {
        let (folder, path) = try image(4096)
        defer { withExtendedLifetime(folder) {} }
        let device = try FileBlockDevice(path: path, access: .readOnly)
        #expect(throws: BlockDeviceError.write(device: path, offset: 0, count: 1, errno: EBADF)) {
            try device.write([1], at: 0)
        }
        #expect(throws: BlockDeviceError.open(path: path + ".none", errno: ENOENT)) {
            try FileBlockDevice(path: path + ".none", access: .readOnly)
        }
    }

    @Test func aRecordedDiskGivesWhatALossOfPowerLeaves() throws {
        let disk = RecordedDisk(byteCount: 1 << 30)
        try disk.write([1, 1], at: 4095)
        let before = disk.copy()
        disk.beginLog()
        try disk.write([2], at: 4096)
        try disk.flush()
        try disk.write([3], at: 1 << 29)
        let events: [RecordedDisk.Event] = [
            .write(offset: 4096, bytes: [2]), .flush, .write(offset: 1 << 29, bytes: [3]),
        ]
        #expect(disk.events == events)
        #expect(try before.applying(events.prefix(1)).read(at: 4095, count: 2) == [1, 2])
        #expect(try before.applying(events.suffix(1)).read(at: 4095, count: 2) == [1, 1])
        #expect(try before.read(at: 1 << 29, count: 1) == [0])
        disk.fail(event: 1, errno: EIO)
        try disk.write([4], at: 0)
        #expect(throws: BlockDeviceError.flush(device: "disk", errno: EIO)) { try disk.flush() }
        try disk.flush()
    }
}
