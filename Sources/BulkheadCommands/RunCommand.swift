import ArgumentParser
import Foundation
import ImageBuilder
import VirtualMachine

/// `bulkhead run`: boots an image in QEMU.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Boot an image in QEMU, with its serial console on this terminal.",
        discussion: """
            The image is not written: the machine gets a copy-on-write disk on top of it, which is removed at \
            the end unless --keep names a folder for it. Firmware is UEFI, the network is QEMU's user network \
            (DHCP and DNS; the guest reaches out, nothing reaches in but --forward). KVM is used where it \
            works, else emulation.

            Ctrl-A X ends the machine, Ctrl-A H lists the other keys.

            Examples:
              bulkhead run
              bulkhead run vm-containerd --memory 4G --cpus 4
              bulkhead run build/vm-containerd-amd64-0.1.0 --forward 8080:80 --user-data settings.toml
              bulkhead run disk.qcow2 --keep machine    # run it again for a second boot
              truncate -s 4G data.raw; bulkhead run --disk data.raw    # for a bootstrap container to set up
            """
    )

    @Argument(
        help: ArgumentHelp(
            "A disk image (raw or qcow2), a build folder, or a variant, of which the newest build is taken.",
            valueName: "path|variant"
        )
    )
    var image = "vm-containerd"

    @Option(help: ArgumentHelp("A file that the guest gets as its user data.", valueName: "file"))
    var userData: String?

    @Option(
        help: ArgumentHelp(
            "Lead a TCP port of 127.0.0.1 to a port of the guest; repeatable.",
            valueName: "host:guest"
        ),
        transform: Self.forward
    )
    var forward: [VirtualMachine.PortForward] = []

    @Option(help: ArgumentHelp("Main memory, such as 2G or 512MiB.", valueName: "size"), transform: Self.size)
    var memory: UInt64 = 2 << 30

    @Option(help: ArgumentHelp("Size of the guest's disk.", valueName: "size"), transform: Self.size)
    var diskSize: UInt64 = 16 << 30

    @Option(help: ArgumentHelp("Number of processors.", valueName: "count"))
    var cpus = 2

    @Option(
        help: ArgumentHelp(
            "A raw file as a further disk, which the guest writes to; repeatable. The first is "
                + "/dev/disk/by-id/virtio-disk1 there.",
            valueName: "file"
        )
    )
    var disk: [String] = []

    @Flag(inversion: .prefixedNo, help: "Give the guest a network card.")
    var network = true

    @Option(
        help: ArgumentHelp(
            "Bytes a sector of the disk, 512 or 4096; what release.json says, or 512, by default.",
            valueName: "bytes"
        )
    )
    var sectorSize: Int?

    @Option(
        name: .customLong("arch"),
        help: ArgumentHelp(
            "Architecture of a disk image without release.json; this machine's by default.",
            valueName: "amd64|arm64"
        )
    )
    var architecture: VirtualMachine.Architecture?

    @Option(
        help: ArgumentHelp(
            "How instructions are executed: automatic (KVM if it works), kvm or tcg (emulation).",
            valueName: "way"
        )
    )
    var acceleration = VirtualMachine.Acceleration.automatic

    @Option(
        help: ArgumentHelp(
            "A systemd credential for the guest, which sees it in /run/credentials; repeatable.",
            valueName: "name=value"
        ),
        transform: Self.credential
    )
    var credential: [NamedValue] = []

    @Option(
        help: ArgumentHelp("The same with the content of a file; repeatable.", valueName: "name=file"),
        transform: Self.credential
    )
    var credentialFile: [NamedValue] = []

    @Option(
        help: ArgumentHelp(
            "Keep the machine (disk, firmware variables, console log) in a folder, and go on with what is there.",
            valueName: "folder"
        )
    )
    var keep: String?

    @OptionGroup var place: PlaceOptions

    /// A name with a value, as in NAME=VALUE.
    struct NamedValue: Sendable, Hashable {
        var name: String
        var value: String
    }

    func validate() throws {
        do {
            // The image is not looked at: values that are out of range are wrong usage.
            try machine(image: RunnableImage(path: "-", architecture: .amd64), readingFiles: false).validate()
        } catch {
            throw ValidationError("\(error)")
        }
        let names = (credential + credentialFile).map(\.name)
        if let twice = names.first(where: { name in names.count { $0 == name } > 1 }) {
            throw ValidationError("the credential '\(twice)' is given twice")
        }
    }

    func run() async throws {
        let image = try RunnableImage(image, in: try place.workspace(), architecture: architecture)
        let configuration = try machine(image: image)
        let keep = keep.map(Workspace.absolute)
        try await Interruption.cancelling {
            let temporary = try keep == nil ? Self.temporaryFolder() : nil
            defer { temporary?.remove() }
            let directory = keep ?? temporary?.path ?? ""
            try await VirtualMachine.runInTerminal(
                configuration,
                in: try WorkDirectory(path: directory)
            ) { accelerator in
                Console.error(Self.greeting(image, configuration, accelerator, keep))
            }
        }
    }

    /// The machine that the options describe.
    func machine(image: RunnableImage, readingFiles: Bool = true) throws -> VirtualMachine.Configuration {
        var configuration = VirtualMachine.Configuration(image: image.path, architecture: image.architecture)
        configuration.memory = Int(clamping: memory >> 20)
        configuration.processors = cpus
        configuration.diskSize = diskSize
        configuration.sectorSize = sectorSize ?? image.sectorSize ?? 512
        configuration.disks = disk.map(Workspace.absolute)
        configuration.hasNetwork = network
        configuration.forwards = forward
        configuration.acceleration = acceleration
        configuration.userData = userData.map(Workspace.absolute)
        for item in credential { configuration.credentials[item.name] = Array(item.value.utf8) }
        for item in credentialFile {
            configuration.credentials[item.name] = readingFiles ? try Self.content(of: item.value) : []
        }
        return configuration
    }

    private static func content(of path: String) throws(VirtualMachineError) -> [UInt8] {
        do {
            let handle = try FileHandle(forReadingFrom: URL(filePath: Workspace.absolute(path)))
            defer { try? handle.close() }
            // Larger ones are refused by the machine, which knows the limit.
            return [UInt8](try handle.read(upToCount: 2 << 20) ?? Data())
        } catch {
            throw .file(path: path, problem: "the credential cannot be read: \(error.localizedDescription)")
        }
    }

    private static func greeting(
        _ image: RunnableImage,
        _ configuration: VirtualMachine.Configuration,
        _ accelerator: VirtualMachine.Accelerator,
        _ keep: String?
    ) -> String {
        let speed =
            switch accelerator {
            case .kvm: "KVM"
            case .tcg: "emulation (no usable KVM here): a boot takes one to three minutes"
            }
        let ports = configuration.forwards.map { "127.0.0.1:\($0.host) leads to port \($0.guest)\n" }.joined()
        return """
            booting \(image.path) (\(image.architecture.rawValue)) with \(speed)
            \(keep.map { "the machine is kept in \($0)" } ?? "what the machine writes is lost at its end; --keep keeps it")
            \(ports)Ctrl-A X ends it, Ctrl-A H lists more keys
            """
    }

    /// A folder that may become large: not in /tmp, which is memory on many machines.
    private static func temporaryFolder() throws -> TemporaryFolder {
        let base = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/var/tmp"
        return try TemporaryFolder(in: base, prefix: "bulkhead-run-")
    }
}

// Texts of options.
extension RunCommand {
    /// Reads a size with a binary unit: K, M, G or T, with or without "iB".
    static func size(_ text: String) throws -> UInt64 {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let shifts: [String: UInt64] = ["K": 10, "M": 20, "G": 30, "T": 40]
        let unit = text.dropFirst(digits.count).uppercased()
        let shift = shifts[unit.hasSuffix("IB") ? String(unit.dropLast(2)) : unit]
        guard let number = UInt64(digits), let shift else {
            throw ValidationError(
                "'\(text)' is no size: write a whole number with a unit, such as 2G or 512MiB"
            )
        }
        let (size, overflow) = number.multipliedReportingOverflow(by: 1 << shift)
        guard !overflow, size <= 1 << 50 else { throw ValidationError("'\(text)' is more than 1024T") }
        return size
    }

    /// Reads HOST:GUEST.
    static func forward(_ text: String) throws -> VirtualMachine.PortForward {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let host = UInt16(parts[0]), let guest = UInt16(parts[1]), host > 0, guest > 0
        else {
            throw ValidationError("'\(text)' is no pair of ports: write HOST:GUEST, such as 8080:80")
        }
        return VirtualMachine.PortForward(host: host, guest: guest)
    }

    /// Reads NAME=VALUE; the value may be empty and may contain further equals signs.
    static func credential(_ text: String) throws -> NamedValue {
        guard let equals = text.firstIndex(of: "="), equals != text.startIndex else {
            throw ValidationError("'\(text)' is not NAME=VALUE")
        }
        return NamedValue(name: String(text[..<equals]), value: String(text[text.index(after: equals)...]))
    }
}

extension VirtualMachine.Architecture: ExpressibleByArgument {}
extension VirtualMachine.Acceleration: ExpressibleByArgument {}
