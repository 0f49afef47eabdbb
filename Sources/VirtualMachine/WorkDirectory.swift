import Foundation
import Subprocess
import SystemPackage

/// The files of one machine: its disk, firmware variables and logs.
///
/// The image is the disk's backing file and is never written. A second machine with the same directory goes on
/// with the disk and variables of the first, as a real machine does at its second boot; its `diskSize` then is
/// that of the first.
public struct WorkDirectory: Sendable {
    /// Where the files are.
    public let path: String

    /// Uses a directory, which is made if it does not exist.
    ///
    /// - Throws: `VirtualMachineError.file` when it cannot be made.
    public init(path: String) throws(VirtualMachineError) {
        self.path = URL(filePath: path).standardizedFileURL.path
        do {
            try FileManager.default.createDirectory(atPath: self.path, withIntermediateDirectories: true)
        } catch {
            throw .file(
                path: self.path,
                problem: "the work directory cannot be made: \(error.localizedDescription)"
            )
        }
    }

    /// The qcow2 overlay that holds what the guest has written.
    public var disk: String { "\(path)/disk.qcow2" }
    /// The firmware's variables.
    public var variables: String { "\(path)/firmware-variables.fd" }
    /// All output of the serial console, of every boot.
    public var consoleLog: String { "\(path)/console.log" }
    /// All output of the second serial port, of every boot.
    public var secondSerialLog: String { "\(path)/second-serial.log" }
    /// QEMU's own messages of the last boot.
    public var messages: String { "\(path)/qemu.log" }

    /// Makes the disk and the variables that do not exist yet, and checks that an existing disk fits the image.
    func prepare(_ configuration: VirtualMachine.Configuration, _ firmware: VirtualMachine.Firmware)
        async throws(VirtualMachineError)
    {
        let image = try DiskImage(path: configuration.image)
        guard image.virtualSize <= configuration.diskSize else {
            throw .diskTooSmall(
                image: image.path,
                imageSize: image.virtualSize,
                diskSize: configuration.diskSize
            )
        }
        if !FileManager.default.fileExists(atPath: disk) {
            try await makeOverlay(of: image, size: configuration.diskSize)
        } else if (try? String(contentsOfFile: identityFile, encoding: .utf8)) != image.identity {
            throw .diskOfOtherImage(disk: disk, image: image.path)
        }
        if !FileManager.default.fileExists(atPath: variables) {
            try copy(firmware.variables, to: variables)
        }
    }

    /// Says for which state of which image the disk was made: under another one it would be garbage.
    private var identityFile: String { "\(path)/disk.base" }

    private func makeOverlay(of image: DiskImage, size: UInt64) async throws(VirtualMachineError) {
        let temporary = disk + ".new"
        let arguments = [
            "create", "-q", "-f", "qcow2", "-b", image.path, "-F", image.format.rawValue, temporary,
            "\(size)",
        ]
        let result: ExecutionResult<Void, StringOutput<UTF8>, StringOutput<UTF8>>
        do {
            result = try await run(
                .name("qemu-img"),
                arguments: Arguments(arguments),
                output: .string(limit: 1 << 16),
                error: .string(limit: 1 << 16)
            )
        } catch let error as SubprocessError where error.code == .executableNotFound {
            throw .programMissing(name: "qemu-img", package: "qemu-utils")
        } catch {
            throw .overlay(disk: disk, message: "\(error)")
        }
        guard result.terminationStatus.isSuccess else {
            try? FileManager.default.removeItem(atPath: temporary)
            let message = result.standardError + result.standardOutput
            throw .overlay(disk: disk, message: message.trimmingCharacters(in: .whitespacesAndNewlines))
        }
        do {
            try image.identity.write(toFile: identityFile, atomically: true, encoding: .utf8)
            try FileManager.default.moveItem(atPath: temporary, toPath: disk)
        } catch {
            throw .file(path: disk, problem: "the disk cannot be put in place: \(error.localizedDescription)")
        }
    }

    private func copy(_ source: String, to target: String) throws(VirtualMachineError) {
        do {
            try Data(contentsOf: URL(filePath: source)).write(to: URL(filePath: target), options: .atomic)
        } catch {
            throw .file(
                path: target,
                problem: "cannot be copied from '\(source)': \(error.localizedDescription)"
            )
        }
    }
}

/// What must be known of an image before a disk can be based on it.
struct DiskImage: Equatable {
    enum Format: String { case raw, qcow2 }

    /// Absolute path: a relative one would be taken as relative to the overlay.
    let path: String
    let format: Format
    /// Size of the disk in the image, in bytes.
    let virtualSize: UInt64
    /// Changes when the image is another file or was written.
    let identity: String

    init(path: String) throws(VirtualMachineError) {
        let path = URL(filePath: path).standardizedFileURL.path
        do {
            let attributes = try FileManager.default.attributesOfItem(
                atPath: URL(filePath: path).resolvingSymlinksInPath().path
            )
            let handle = try FileHandle(forReadingFrom: URL(filePath: path))
            defer { try? handle.close() }
            let header = [UInt8](try handle.read(upToCount: 32) ?? Data())
            let fileSize = (attributes[.size] as? NSNumber)?.uint64Value ?? 0
            let time = (attributes[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
            self.path = path
            identity = "\(path)\n\(fileSize)\n\(time)\n"
            // qcow2: "QFI\xfb", version, ..., virtual size as a big-endian number at byte 24.
            if header.count == 32, header.starts(with: [0x51, 0x46, 0x49, 0xfb]) {
                format = .qcow2
                virtualSize = header[24..<32].reduce(0) { $0 << 8 | UInt64($1) }
            } else {
                format = .raw
                virtualSize = fileSize
            }
        } catch {
            throw .file(path: path, problem: "the disk image cannot be read: \(error.localizedDescription)")
        }
        guard virtualSize > 0 else {
            throw .file(path: path, problem: "the disk image is empty: build it again")
        }
    }
}
