import Foundation
import ReleaseManifest
import Synchronization
import TestSupport
import Testing
import VirtualMachine

/// Everything that is known of one boot after it has ended.
struct Boot: Sendable {
    /// What the probe reported.
    let report: Report
    /// The console's lines.
    let console: [String]
    /// The disk after power-off, as one raw file.
    let disk: RawDisk
}

/// A machine with an image, that can be booted several times.
final class Guest: Sendable {
    private let directory: TemporaryDirectory
    private let work: WorkDirectory
    private let configuration: VirtualMachine.Configuration
    private let disks = Mutex(0)

    /// Longest time for a boot or a shutdown: emulated, on a machine that does other things too.
    static let limit = Duration.seconds(600)

    /// A machine around a disk image; its logs are copied to the folder that BULKHEAD_TEST_LOGS names.
    ///
    /// - Parameters:
    ///   - sections: what the probe asks at the end of each boot.
    ///   - userData: TOML, in a credential.
    ///   - units: units that the image does not have, by name.
    ///   - forwards: ports of this machine that lead into the guest.
    ///   - disks: files that are its further disks.
    init(
        disk: String,
        of image: BuiltImage,
        kernelArguments: [String] = [],
        sections: [Probe.Section] = Probe.sections,
        userData: String? = nil,
        units: [String: String] = [:],
        forwards: [VirtualMachine.PortForward] = [],
        disks: [String] = []
    ) throws {
        directory = try TemporaryDirectory()
        work = try WorkDirectory(path: directory.file("machine"))
        let architecture = try #require(VirtualMachine.Architecture(rawValue: image.release.architecture))
        var configuration = VirtualMachine.Configuration(image: disk, architecture: architecture)
        configuration.sectorSize = Int(image.release.sectorSize)
        configuration.hasSecondSerialPort = true
        configuration.kernelArguments = kernelArguments
        configuration.credentials = Probe.credentials(port: architecture.secondSerialPort, sections: sections)
        if let userData {
            let name = VirtualMachine.Configuration.userDataCredential
            configuration.credentials[name] = Array(userData.utf8)
        }
        for (unit, text) in units {
            configuration.credentials["systemd.extra-unit.\(unit)"] = Array(text.utf8)
        }
        configuration.forwards = forwards
        configuration.disks = disks
        // A reset is the watchdog's, a panic's or the health check's: the test then fails at once.
        configuration.exitsOnReset = true
        self.configuration = configuration
    }

    private init(
        directory: TemporaryDirectory,
        work: WorkDirectory,
        configuration: VirtualMachine.Configuration
    ) {
        self.directory = directory
        self.work = work
        self.configuration = configuration
    }

    /// Another machine with the disk and the firmware as they are now, without further disks; of a machine that does not
    /// run.
    func copy() throws -> Guest {
        let directory = try TemporaryDirectory()
        let path = directory.file("machine")
        let (status, output) = try runTool("cp", "-a", "--sparse=always", work.path, path)
        try #require(status == 0, "cp: \(output)")
        return Guest(
            directory: directory,
            work: try WorkDirectory(path: path),
            configuration: configuration.withoutFurtherDisks
        )
    }

    /// Another machine with the firmware as it is now, whose only disk begins with the bytes of a file.
    func copy(disk: String) throws -> Guest {
        let directory = try TemporaryDirectory()
        let copy = try WorkDirectory(path: directory.file("machine"))
        try FileManager.default.copyItem(atPath: work.variables, toPath: copy.variables)
        var configuration = configuration.withoutFurtherDisks
        configuration.image = disk
        return Guest(directory: directory, work: copy, configuration: configuration)
    }

    /// Boots, lets the probe report, presses the power button and waits for the end.
    ///
    /// - Parameters:
    ///   - sections: what the probe asks this time; what the guest was made with if nil.
    ///   - hasNetwork: whether there is a network card this time.
    func bootAndPowerOff(sections: [Probe.Section]? = nil, hasNetwork: Bool = true) async throws -> Boot {
        defer { keepLogs() }
        var configuration = configuration
        configuration.hasNetwork = hasNetwork
        if let sections {
            let port = configuration.architecture.secondSerialPort
            configuration.credentials.merge(Probe.credentials(port: port, sections: sections)) { $1 }
        }
        let (report, console) = try await VirtualMachine.run(configuration, in: work) { machine in
            try await machine.waitForConsole(
                containing: Probe.end,
                within: Self.limit,
                on: machine.secondSerialPort
            )
            try await machine.pressPowerButton()
            let status = try await machine.waitForExit(within: Self.limit)
            try #require("\(status)" == "exited(0)")
            return (try await self.report(of: machine), try await lines(machine.console))
        }
        return Boot(report: report, console: console, disk: try flattenedDisk())
    }

    /// Boots and waits until the guest resets itself, which ends this machine: the next boot is what comes of the reset.
    ///
    /// - Parameter sections: what the probe asks; the last of them makes the guest reset, unless it does by itself.
    /// - Returns: what was reported until then, and the lines of the console.
    func bootUntilReset(sections: [Probe.Section] = []) async throws -> (report: Report, console: [String]) {
        try await boot(sections: sections) { machine in
            // Behind the probe's last word, a reset that does not come soon never will.
            let cursor = ConsoleCursor()
            let start = ContinuousClock.now
            while (try? await machine.waitForExit(within: .milliseconds(500))) == nil {
                guard ContinuousClock.now - start < Self.limit else {
                    throw NoReset(report: Report(lines: []))
                }
                let end = try? await machine.waitForConsole(
                    containing: Probe.end,
                    within: .milliseconds(10),
                    after: cursor,
                    on: machine.secondSerialPort
                )
                guard end != nil, (try? await machine.waitForExit(within: .seconds(180))) == nil else {
                    continue
                }
                await machine.cutPower()
                throw NoReset(report: try await self.report(of: machine))
            }
            return (
                report: try await self.report(of: machine), console: try await self.lines(machine.console)
            )
        }
    }

    /// A guest that was to reset itself did not.
    struct NoReset: Error {
        let report: Report
    }

    /// What the probe reported in the boot of a machine that has ended.
    func report(of machine: VirtualMachine) async throws -> Report {
        Report(lines: try await lines(machine.secondSerialPort))
    }

    /// Boots and does something with the machine, which goes when the closure returns.
    ///
    /// - Parameters:
    ///   - dropins: change units of this boot only.
    ///   - sections: what the probe asks this time; what the guest was made with if nil.
    func boot<Value: Sendable>(
        dropins: [String: String] = [:],
        sections: [Probe.Section]? = nil,
        _ body: (VirtualMachine) async throws -> Value
    ) async throws -> Value {
        defer { keepLogs() }
        var configuration = configuration
        if let sections {
            let port = configuration.architecture.secondSerialPort
            configuration.credentials.merge(Probe.credentials(port: port, sections: sections)) { $1 }
        }
        for (unit, text) in dropins {
            configuration.credentials["systemd.unit-dropin.\(unit)"] = Array(text.utf8)
        }
        return try await VirtualMachine.run(configuration, in: work, body: body)
    }

    /// The machine's disk as it is now, as one raw file; of a machine that does not run.
    func flattenedDisk() throws -> RawDisk {
        let number = disks.withLock { count in
            count += 1
            return count
        }
        let path = directory.file("disk-\(number).raw")
        let (status, output) = try runTool("qemu-img", "convert", "-O", "raw", work.disk, path)
        try #require(status == 0, "qemu-img: \(output)")
        return try RawDisk(path: path, sectorSize: UInt64(configuration.sectorSize))
    }

    /// What the console showed in all boots.
    func consoleText() throws -> String {
        try String(decoding: Data(contentsOf: URL(filePath: work.consoleLog)), as: UTF8.self)
    }

    /// For whoever looks into a failure.
    private func keepLogs() {
        guard let folder = ProcessInfo.processInfo.environment["BULKHEAD_TEST_LOGS"] else { return }
        try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        for path in [work.consoleLog, work.secondSerialLog] {
            let name = "\(directory.url.lastPathComponent)-\((path as NSString).lastPathComponent)"
            try? FileManager.default.removeItem(atPath: "\(folder)/\(name)")
            try? FileManager.default.copyItem(atPath: path, toPath: "\(folder)/\(name)")
        }
    }

    private func lines(_ console: Console) async throws -> [String] {
        var lines: [String] = []
        for try await line in console.lines { lines.append(line) }
        return lines
    }
}

extension VirtualMachine.Configuration {
    /// Two machines can't write to one file.
    fileprivate var withoutFurtherDisks: Self {
        var copy = self
        copy.disks = []
        return copy
    }
}
