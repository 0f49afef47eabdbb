import BlockDevices
import Foundation
import TestSupport
import Testing

@Suite struct DeviceHoldTests {
    @Test func onlyBlockDevicesAreHeld() throws {
        let folder = try TemporaryDirectory()
        let path = folder.file("file")
        try Data(count: 4096).write(to: URL(filePath: path))
        #expect(throws: BlockDeviceError.open(path: path, errno: ENOTBLK)) { try DeviceHold(path: path) }
        #expect(throws: BlockDeviceError.open(path: path + ".none", errno: ENOENT)) {
            try DeviceHold(path: path + ".none")
        }
    }

    /// Where loop devices can be had.
    @Test func aPartitionInUseIsRefusedAndAHeldOneCannotBeMounted() throws {
        let folder = try TemporaryDirectory()
        let image = folder.file("image")
        try Data(count: 4 << 20).write(to: URL(filePath: image))
        guard try runTool("mkfs.ext4", "-q", "-F", image).status == 0 else { return }
        let loop = try runTool("losetup", "--find", "--show", image)
        guard loop.status == 0 else { return print("no loop device: \(loop.output)") }
        let path = loop.output.trimmingCharacters(in: .whitespacesAndNewlines)
        defer { _ = try? runTool("losetup", "--detach", path) }
        let mountPoint = folder.file("mounted")
        try FileManager.default.createDirectory(atPath: mountPoint, withIntermediateDirectories: false)
        do {
            let hold = try DeviceHold(path: path)
            #expect(throws: BlockDeviceError.inUse(path: path)) { try DeviceHold(path: path) }
            #expect(try runTool("mount", path, mountPoint).status != 0)
            withExtendedLifetime(hold) {}
        }
        // And after it, the other way round.
        guard try runTool("mount", path, mountPoint).status == 0 else {
            return print("mounting is not allowed")
        }
        #expect(throws: BlockDeviceError.inUse(path: path)) { try DeviceHold(path: path) }
        #expect(try runTool("umount", mountPoint).status == 0)
        _ = try DeviceHold(path: path)
    }
}
