import Foundation

extension VirtualMachine {
    /// The way instructions are executed, after `automatic` was decided.
    public enum Accelerator: String, Sendable {
        /// Through /dev/kvm.
        case kvm
        /// Emulated.
        case tcg
    }

    /// The files and sockets that a machine uses.
    struct Paths: Sendable, Hashable {
        /// The qcow2 overlay.
        var disk: String
        /// The machine's own variable store of the firmware.
        var variables: String
        /// Everything the guest wrote to its serial console; appended to.
        var consoleLog: String
        /// Everything the guest wrote to its second serial port; appended to.
        var secondSerialLog: String
        /// Everything QEMU itself wrote.
        var messages: String
        /// Where large credentials are put, a file each.
        var credentials: String
        /// Path to which `.in` and `.out` are added: what is typed on the console, and a way to nowhere.
        var consolePipe: String
        /// Socket of the QMP monitor.
        var monitorSocket: String
    }

    /// Where the serial console leads.
    enum ConsoleTarget: Sendable {
        /// To the log file only; input comes from a FIFO.
        ///
        /// Not a socket: QEMU drops output when nobody reads a socket fast enough, from the log as well.
        case log
        /// To standard input and output, with QEMU's escape key Ctrl-A, and the log file.
        case terminal
    }

    /// A credential too large for a command line.
    struct CredentialFile: Sendable, Hashable {
        /// Where it must lie when QEMU starts.
        let path: String
        /// The SMBIOS string.
        let content: String
    }

    /// Longest SMBIOS string given as an argument, in bytes; Linux allows 128 KiB for one argument.
    static let inlineCredentialLimit = 8 << 10
    /// What is left for credentials in an SMBIOS 2.1 table, whose size is a 16-bit number.
    static let smallTableLimit = 32 << 10

    /// QEMU's arguments, and the files they refer to that are not there yet.
    ///
    /// A pure function: the same input gives the same arguments in the same order.
    static func arguments(
        for configuration: Configuration,
        paths: Paths,
        firmware: Firmware,
        accelerator: Accelerator,
        console: ConsoleTarget
    ) -> (arguments: [String], files: [CredentialFile]) {
        let (credentials, files) = credentialArguments(configuration.credentials, folder: paths.credentials)
        let size = configuration.credentials.values.reduce(0) { $0 + $1.count * 4 / 3 }
        let forwards = configuration.forwards.map { ",hostfwd=tcp:127.0.0.1:\($0.host)-:\($0.guest)" }
            .joined()
        let sector = configuration.sectorSize
        var arguments = ["-name", "bulkhead", "-no-user-config", "-nodefaults", "-display", "none"]
        arguments += machineArguments(
            configuration.architecture,
            accelerator,
            largeTables: size > smallTableLimit
        )
        arguments += ["-smp", "\(configuration.processors)", "-m", "\(configuration.memory)"]
        arguments += firmwareArguments(firmware, variables: paths.variables)
        arguments += [
            "-drive", "if=none,id=disk,format=qcow2,discard=unmap,file=\(quoted(paths.disk))",
            "-device",
            "virtio-blk-pci,drive=disk,serial=bulkhead,bootindex=1,"
                + "logical_block_size=\(sector),physical_block_size=\(sector)",
            "-device", "virtio-rng-pci",
            "-device", "i6300esb", "-action", "watchdog=reset",
        ]
        for (number, disk) in zip(1..., configuration.disks) {
            arguments += [
                "-drive", "if=none,id=disk\(number),format=raw,file=\(quoted(disk))",
                "-device", "virtio-blk-pci,drive=disk\(number),serial=disk\(number)",
            ]
        }
        if configuration.hasNetwork {
            arguments += [
                "-netdev", "user,id=net0\(forwards)", "-device", "virtio-net-pci,netdev=net0,romfile=",
            ]
        }
        let log = "logfile=\(quoted(paths.consoleLog)),logappend=on"
        switch console {
        case .log:
            arguments += ["-chardev", "pipe,id=console,path=\(quoted(paths.consolePipe)),\(log)"]
        case .terminal:
            arguments += ["-chardev", "stdio,id=console,mux=on,signal=off,\(log)", "-mon", "chardev=console"]
        }
        arguments += ["-serial", "chardev:console"]
        if configuration.hasSecondSerialPort {
            arguments += ["-chardev", "file,id=second,append=on,path=\(quoted(paths.secondSerialLog))"]
            switch configuration.architecture {
            case .amd64: arguments += ["-serial", "chardev:second"]
            case .arm64:
                arguments += ["-device", "virtio-serial-pci", "-device", "virtconsole,chardev=second"]
            }
        }
        arguments += ["-qmp", "unix:\(quoted(paths.monitorSocket)),server=on,wait=off"]
        if configuration.exitsOnReset { arguments.append("-no-reboot") }
        if !configuration.kernelArguments.isEmpty {
            // systemd-stub(7); only the first such string counts.
            let words = configuration.kernelArguments.joined(separator: " ")
            arguments += [
                "-smbios", "type=11,value=\(quoted("io.systemd.stub.kernel-cmdline-extra=\(words)"))",
            ]
        }
        return (arguments + credentials, files)
    }

    /// Machine type, acceleration and processor model.
    static func machineArguments(
        _ architecture: Architecture,
        _ accelerator: Accelerator,
        largeTables: Bool = false
    ) -> [String] {
        let machine: String
        switch architecture {
        case .amd64: machine = largeTables ? "q35,smbios-entry-point-type=64" : "q35"
        case .arm64: machine = "virt"
        }
        switch (accelerator, architecture) {
        case (.kvm, _): return ["-machine", machine, "-accel", "kvm", "-cpu", "host"]
        case (.tcg, .amd64):
            // QEMU 7.2 gets cmpxchg16b wrong when it emulates processors in parallel: the kernel's allocator
            // double-faults. Without the instruction (cx16=off) the Swift runtime traps, so it is one thread.
            return ["-machine", machine, "-accel", "tcg,thread=single", "-cpu", "max,la57=off"]
        case (.tcg, .arm64):
            // The architected pointer authentication algorithm takes half of all emulated time.
            return ["-machine", machine, "-accel", "tcg,thread=multi", "-cpu", "max,pauth-impdef=on"]
        }
    }

    /// The two flash devices of the firmware.
    static func firmwareArguments(_ firmware: Firmware, variables: String) -> [String] {
        [
            "-drive", "if=pflash,unit=0,format=raw,readonly=on,file=\(quoted(firmware.code))",
            "-drive", "if=pflash,unit=1,format=raw,file=\(quoted(variables))",
        ]
    }

    private static func credentialArguments(
        _ credentials: [String: [UInt8]],
        folder: String
    ) -> ([String], [CredentialFile]) {
        var arguments: [String] = []
        var files: [CredentialFile] = []
        for (name, value) in credentials.sorted(by: { $0.key < $1.key }) {
            let text = "io.systemd.credential.binary:\(name)=\(Data(value).base64EncodedString())"
            if text.utf8.count <= inlineCredentialLimit {
                arguments += ["-smbios", "type=11,value=\(quoted(text))"]
            } else {
                let path = "\(folder)/credential-\(name)"
                files.append(CredentialFile(path: path, content: text))
                arguments += ["-smbios", "type=11,path=\(quoted(path))"]
            }
        }
        return (arguments, files)
    }

    /// A value inside an option list, where a comma is written twice.
    static func quoted(_ value: String) -> String {
        value.replacing(",", with: ",,")
    }
}
