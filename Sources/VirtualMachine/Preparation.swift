import Foundation

extension VirtualMachine {
    /// Everything that is settled before QEMU starts.
    struct Prepared: Sendable {
        let arguments: [String]
        let paths: Paths
        let accelerator: Accelerator
        let consoleStart: UInt64
        let secondSerialStart: UInt64
    }

    /// Checks the configuration, makes the files of the machine, and decides on the acceleration.
    static func prepare(
        _ configuration: Configuration,
        in directory: WorkDirectory,
        runtime: TemporaryFolder,
        console: ConsoleTarget
    ) async throws -> Prepared {
        var configuration = configuration
        if let path = configuration.userData {
            configuration.credentials[Configuration.userDataCredential] = try userData(path)
        }
        try configuration.validate()
        for path in configuration.disks where access(path, R_OK | W_OK) != 0 {
            throw VirtualMachineError.file(
                path: path,
                problem: "the further disk cannot be read and written: \(String(cString: strerror(errno)))"
            )
        }
        let firmware = configuration.firmware ?? .installed(for: configuration.architecture)
        for path in [firmware.code, firmware.variables] where access(path, R_OK) != 0 {
            throw VirtualMachineError.firmwareMissing(
                path: path,
                package: configuration.architecture.firmwarePackage
            )
        }
        try await directory.prepare(configuration, firmware)
        let accelerator = try await accelerator(
            for: configuration.acceleration,
            configuration.architecture,
            firmware
        )
        let paths = Paths(
            disk: directory.disk,
            variables: directory.variables,
            consoleLog: directory.consoleLog,
            secondSerialLog: directory.secondSerialLog,
            messages: directory.messages,
            credentials: runtime.path,
            consolePipe: "\(runtime.path)/console",
            monitorSocket: "\(runtime.path)/monitor"
        )
        let (arguments, files) = arguments(
            for: configuration,
            paths: paths,
            firmware: firmware,
            accelerator: accelerator,
            console: console
        )
        for file in files {
            do {
                try Data(file.content.utf8).write(to: URL(filePath: file.path))
            } catch {
                throw VirtualMachineError.file(path: file.path, problem: error.localizedDescription)
            }
        }
        if case .log = console {
            // QEMU writes the log besides what it writes to the pipe; that goes to nowhere and so never blocks.
            let (input, output) = ("\(paths.consolePipe).in", "\(paths.consolePipe).out")
            guard mkfifo(input, 0o600) == 0, symlink("/dev/null", output) == 0 else {
                throw VirtualMachineError.file(path: input, problem: String(cString: strerror(errno)))
            }
        }
        return Prepared(
            arguments: arguments,
            paths: paths,
            accelerator: accelerator,
            consoleStart: size(paths.consoleLog),
            secondSerialStart: size(paths.secondSerialLog)
        )
    }

    /// The bytes of a log; 0 when there is none yet.
    private static func size(_ path: String) -> UInt64 {
        let size = (try? FileManager.default.attributesOfItem(atPath: path))?[.size] as? NSNumber
        return size?.uint64Value ?? 0
    }

    private static func userData(_ path: String) throws(VirtualMachineError) -> [UInt8] {
        do {
            let handle = try FileHandle(forReadingFrom: URL(filePath: path))
            defer { try? handle.close() }
            // One byte more than is allowed, so that `validate` sees that it is too much.
            return [UInt8](try handle.read(upToCount: Configuration.credentialLimit + 1) ?? Data())
        } catch {
            throw .file(path: path, problem: "the user data cannot be read: \(error.localizedDescription)")
        }
    }
}
