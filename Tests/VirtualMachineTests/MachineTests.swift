import Foundation
import Subprocess
import TestSupport
import Testing

@testable import VirtualMachine

/// The firmware alone is a guest: with an empty disk it ends in its shell.
@Suite(.serialized) struct MachineTests {
    private let directory: TemporaryDirectory
    private let configuration: VirtualMachine.Configuration

    init() throws {
        directory = try TemporaryDirectory()
        let image = directory.file("empty.raw")
        try Data(count: 1 << 20).write(to: URL(filePath: image))
        var configuration = VirtualMachine.Configuration(image: image, architecture: .amd64)
        configuration.acceleration = .tcg
        configuration.memory = 512
        configuration.diskSize = 64 << 20
        self.configuration = configuration
    }

    @Test(.timeLimit(.minutes(3))) func firmwareBootsToItsShellAndTakesCommands() async throws {
        let work = try WorkDirectory(path: directory.file("work"))
        var configuration = configuration
        configuration.credentials = ["small": [1], "large": .init(repeating: 65, count: 12_000)]
        let before = try Data(contentsOf: URL(filePath: configuration.image))
        try await VirtualMachine.run(configuration, in: work) { machine in
            #expect(machine.accelerator == .tcg)
            let cursor = ConsoleCursor()
            try await machine.waitForConsole(
                containing: "BdsDxe: starting",
                within: .seconds(90),
                after: cursor
            )
            try await machine.waitForConsole(matching: /Shell v\d\.\d/, within: .seconds(30), after: cursor)
            #expect(try await machine.status() == "running")
            try await machine.waitForConsole(containing: "Shell>", within: .seconds(60), after: cursor)
            let search = { try await machine.waitForConsole(containing: "never", within: .milliseconds(100)) }
            await #expect(throws: VirtualMachineError.self) { try await search() }
            // The credentials are in the tables that the guest sees.
            try await machine.type("smbiosview -t 11\r")
            try await machine.waitForConsole(containing: "AQ==", within: .seconds(30), after: cursor)
            try await machine.waitForConsole(containing: "Shell>", within: .seconds(60), after: cursor)
            try await machine.type("reset -s\r")
            #expect(try await machine.waitForExit(within: .seconds(60)).isSuccess)
            var lines: [String] = []
            for try await line in machine.console.lines { lines.append(line) }
            #expect(lines.contains { $0.hasPrefix("BdsDxe: starting") })
        }
        #expect(try Data(contentsOf: URL(filePath: configuration.image)) == before)
        let info = try runTool("qemu-img", "info", work.disk).output
        #expect(info.contains("virtual size: 64 MiB") && info.contains("backing file format: raw"))

        // Again in the same directory: the same disk and variables, and a console that begins anew.
        try await VirtualMachine.run(configuration, in: work) { machine in
            try await machine.waitForConsole(containing: "BdsDxe", within: .seconds(90))
            try await machine.quit()
            await #expect(throws: VirtualMachineError.self) {
                try await machine.waitForConsole(containing: "never", within: .seconds(30))
            }
        }
        let log = try String(decoding: Data(contentsOf: URL(filePath: work.consoleLog)), as: UTF8.self)
        #expect(log.components(separatedBy: "BdsDxe: loading Boot").count > 2)
    }

    @Test func machineGoesWhenTheClosureThrows() async throws {
        struct Stop: Error {}
        let work = try WorkDirectory(path: directory.file("work"))
        await #expect(throws: Stop.self) {
            try await VirtualMachine.run(configuration, in: work) { _ in throw Stop() }
        }
        // QEMU locks the disk for as long as it lives.
        #expect(try runTool("qemu-img", "check", work.disk).status == 0)
    }

    @Test func cutPowerEndsTheMachineBySignal() async throws {
        let work = try WorkDirectory(path: directory.file("work"))
        try await VirtualMachine.run(configuration, in: work) { machine in
            await machine.cutPower()
            let status = try await machine.waitForExit(within: .seconds(1))
            #expect(status == .signaled(SIGKILL))
        }
    }

    @Test func refusalOfQEMUIsReported() async throws {
        let work = try WorkDirectory(path: directory.file("work"))
        var configuration = configuration
        let empty = directory.file("empty.fd")
        try Data().write(to: URL(filePath: empty))
        configuration.firmware = .init(code: configuration.image, variables: empty)
        do {
            try await VirtualMachine.run(configuration, in: work) { machine in
                _ = try await machine.waitForExit(within: .seconds(60))
            }
            Issue.record("QEMU took an empty variable store")
        } catch VirtualMachineError.ended(_, _, let messages, _) {
            #expect(messages.contains("qemu-system"))
        }
    }

    @Test func missingFilesAreNamed() async throws {
        let work = try WorkDirectory(path: directory.file("work"))
        func error(_ change: (inout VirtualMachine.Configuration) -> Void) async -> VirtualMachineError? {
            var configuration = configuration
            change(&configuration)
            return await #expect(throws: VirtualMachineError.self) {
                try await VirtualMachine.run(configuration, in: work) { _ in }
            }
        }
        let firmware = await error { $0.firmware = .init(code: "/nonexistent", variables: "/nonexistent") }
        #expect(firmware == .firmwareMissing(path: "/nonexistent", package: "ovmf"))
        #expect(await error { $0.image = "/nonexistent" }?.description.contains("'/nonexistent'") == true)
        #expect(await error { $0.disks = ["/nonexistent"] }?.description.contains("further disk") == true)
        #expect(await error { $0.userData = "/nonexistent" }?.description.contains("user data") == true)
        let image = configuration.image
        let small = await error { $0.diskSize = 4096 }
        #expect(small == .diskTooSmall(image: image, imageSize: 1 << 20, diskSize: 4096))
    }

    @Test func diskOfAnotherImageIsRefused() async throws {
        let work = try WorkDirectory(path: directory.file("work"))
        let firmware = VirtualMachine.Firmware.installed(for: .amd64)
        try await work.prepare(configuration, firmware)
        try await work.prepare(configuration, firmware)
        try Data(count: 2 << 20).write(to: URL(filePath: configuration.image))
        await #expect(
            throws: VirtualMachineError.diskOfOtherImage(disk: work.disk, image: configuration.image)
        ) {
            try await work.prepare(configuration, firmware)
        }
    }

    @Test func qcow2IsRecognised() throws {
        let path = directory.file("image.qcow2")
        #expect(try runTool("qemu-img", "create", "-f", "qcow2", path, "5G").status == 0)
        let image = try DiskImage(path: path)
        #expect(image.format == .qcow2 && image.virtualSize == 5 << 30)
    }

    /// KVM works or is refused with a reason, and the automatic choice agrees.
    @Test func automaticAccelerationFollowsTheTrial() async throws {
        let firmware = VirtualMachine.Firmware.installed(for: .amd64)
        let problem = try await VirtualMachine.kvmProblem(.amd64, firmware)
        let chosen = try await VirtualMachine.accelerator(for: .automatic, .amd64, firmware)
        #expect(chosen == (problem == nil ? .kvm : .tcg))
        #expect(
            try await VirtualMachine.kvmProblem(.arm64, firmware) != nil
                || VirtualMachine.Architecture.current == .arm64
        )
    }
}
