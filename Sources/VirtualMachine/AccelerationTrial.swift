import Foundation

extension VirtualMachine {
    /// Decides how instructions are executed here.
    ///
    /// Whether KVM works is not guessed from /dev/kvm, which may open and yet fail at the first instruction or
    /// the first register (nested virtualisation): the firmware is started with it, and must reach its console.
    ///
    /// - Throws: `VirtualMachineError.accelerationUnusable` when `.kvm` was asked for and fails.
    static func accelerator(
        for wanted: Acceleration,
        _ architecture: Architecture,
        _ firmware: Firmware
    ) async throws -> Accelerator {
        if wanted == .tcg { return .tcg }
        guard let problem = try await kvmProblem(architecture, firmware) else { return .kvm }
        if wanted == .kvm { throw VirtualMachineError.accelerationUnusable(reason: problem) }
        return .tcg
    }

    /// Why KVM cannot be used; nil when it can.
    static func kvmProblem(_ architecture: Architecture, _ firmware: Firmware) async throws -> String? {
        guard architecture == .current else {
            return "\(architecture.rawValue) is not this machine's architecture"
        }
        guard access("/dev/kvm", R_OK | W_OK) == 0 else {
            return "/dev/kvm: \(String(cString: strerror(errno)))"
        }
        let directory = try TemporaryFolder.forSockets()
        defer { directory.remove() }
        let log = "\(directory.path)/log"
        let console = "\(directory.path)/console"
        var arguments = ["-no-user-config", "-nodefaults", "-display", "none", "-no-reboot", "-m", "256"]
        arguments += machineArguments(architecture, .kvm)
        arguments += firmwareArguments(firmware, variables: firmware.variables)
        // Writes to the variables go to a temporary file.
        arguments += [
            "-snapshot", "-chardev", "file,id=console,path=\(console)", "-serial", "chardev:console",
        ]
        let process = QEMUProcess(architecture, arguments: arguments, messages: log)
        var problem: String? = "the firmware did not reach its console within 15 s"
        do {
            let deadline = ContinuousClock.now + .seconds(15)
            while ContinuousClock.now < deadline {
                try await Task.sleep(for: .milliseconds(20))
                let messages = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
                let status = try process.ended
                if status != nil || messages.contains("KVM internal error") {
                    problem = messages.split(separator: "\n").first.map(String.init) ?? "QEMU ended at once"
                    break
                }
                if let output = FileManager.default.contents(atPath: console), !output.isEmpty {
                    problem = nil
                    break
                }
            }
        } catch {
            await process.kill()
            throw error
        }
        await process.kill()
        return problem
    }
}
