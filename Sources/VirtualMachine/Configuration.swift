/// Types of the machine that are not of the machine alone.
extension VirtualMachine {
    /// The processor architecture of the guest.
    public enum Architecture: String, Sendable, CaseIterable {
        /// x86-64, on a q35 machine.
        case amd64
        /// 64-bit Arm, on QEMU's `virt` machine.
        case arm64

        /// The architecture that this program runs on; nil if it is none of the two.
        public static var current: Architecture? {
            #if arch(x86_64)
                return .amd64
            #elseif arch(arm64)
                return .arm64
            #else
                return nil
            #endif
        }

        /// The name of QEMU's program.
        var program: String {
            switch self {
            case .amd64: "qemu-system-x86_64"
            case .arm64: "qemu-system-aarch64"
            }
        }

        /// The device file in the guest of the second serial port, which a machine has when it is asked for.
        public var secondSerialPort: String {
            switch self {
            case .amd64: "/dev/ttyS1"
            case .arm64: "/dev/hvc0"
            }
        }

        /// The Debian package that holds QEMU's program.
        var programPackage: String {
            switch self {
            case .amd64: "qemu-system-x86"
            case .arm64: "qemu-system-arm"
            }
        }

        /// The Debian package that holds the firmware.
        var firmwarePackage: String {
            switch self {
            case .amd64: "ovmf"
            case .arm64: "qemu-efi-aarch64"
            }
        }
    }

    /// How the guest's instructions are executed.
    public enum Acceleration: String, Sendable, CaseIterable {
        /// KVM if a trial shows that it works, else emulation.
        case automatic
        /// The processor's virtualisation through /dev/kvm.
        case kvm
        /// QEMU's emulation; always works, slowly.
        case tcg
    }

    /// UEFI firmware: code, and the template of its variable store.
    public struct Firmware: Sendable, Hashable {
        /// Path of the code, which is only read.
        public var code: String
        /// Path of the empty variable store, of which each machine gets a copy.
        public var variables: String

        /// Names both files.
        public init(code: String, variables: String) {
            self.code = code
            self.variables = variables
        }

        /// Where Debian installs the firmware of an architecture.
        public static func installed(for architecture: Architecture) -> Firmware {
            switch architecture {
            case .amd64:
                Firmware(
                    code: "/usr/share/OVMF/OVMF_CODE_4M.fd",
                    variables: "/usr/share/OVMF/OVMF_VARS_4M.fd"
                )
            case .arm64:
                Firmware(code: "/usr/share/AAVMF/AAVMF_CODE.fd", variables: "/usr/share/AAVMF/AAVMF_VARS.fd")
            }
        }
    }

    /// A TCP port of this machine's loopback interface that leads to a port of the guest.
    public struct PortForward: Sendable, Hashable {
        /// The port here, on 127.0.0.1.
        public var host: UInt16
        /// The guest's port.
        public var guest: UInt16

        /// Leads a port here to a port of the guest.
        public init(host: UInt16, guest: UInt16) {
            self.host = host
            self.guest = guest
        }
    }

    /// What a machine consists of.
    public struct Configuration: Sendable, Hashable {
        /// Name of the systemd credential in which user data arrives.
        public static let userDataCredential = "bulkhead.user-data"

        /// Path of the disk image, raw or qcow2; it is never written.
        public var image: String
        /// The guest's architecture.
        public var architecture: Architecture
        /// Main memory in MiB.
        public var memory = 2048
        /// Number of processors.
        public var processors = 2
        /// Size of the disk that the guest sees, in bytes; not smaller than the image's.
        public var diskSize: UInt64 = 16 << 30
        /// Logical and physical sector size of the disk: 512 or 4096 bytes.
        public var sectorSize = 512
        /// Paths of further disks, raw; the guest writes to them, and finds the first as
        /// `/dev/disk/by-id/virtio-disk1`.
        public var disks: [String] = []
        /// The guest has a network card.
        public var hasNetwork = true
        /// TCP ports that lead into the guest.
        public var forwards: [PortForward] = []
        /// systemd credentials by name, given as SMBIOS strings.
        public var credentials: [String: [UInt8]] = [:]
        /// Words that systemd-stub adds to the kernel's command line; it ignores them under Secure Boot.
        public var kernelArguments: [String] = []
        /// The machine has a second serial port, which only its users write to: kernel and PID 1 do not.
        public var hasSecondSerialPort = false
        /// Path of a file whose content the guest gets as the credential `userDataCredential`.
        public var userData: String?
        /// How instructions are executed.
        public var acceleration = Acceleration.automatic
        /// The firmware; nil for the one that Debian installs.
        public var firmware: Firmware?
        /// QEMU ends when the guest resets, instead of starting again.
        public var exitsOnReset = false

        /// A machine with the default size around an image.
        public init(image: String, architecture: Architecture) {
            self.image = image
            self.architecture = architecture
        }

        /// Checks what can be checked without looking at any file.
        ///
        /// - Throws: `VirtualMachineError.invalid` for the first value that is out of range.
        public func validate() throws(VirtualMachineError) {
            func require(_ holds: Bool, _ what: String, _ value: some Any, _ allowed: String)
                throws(VirtualMachineError)
            {
                if !holds { throw .invalid(what: what, value: String(describing: value), allowed: allowed) }
            }
            try require((64...1 << 20).contains(memory), "memory in MiB", memory, "64 to 1048576")
            try require((1...255).contains(processors), "number of processors", processors, "1 to 255")
            try require([512, 4096].contains(sectorSize), "sector size", sectorSize, "512 or 4096")
            try require(
                diskSize > 0 && diskSize.isMultiple(of: 4096) && diskSize <= 1 << 50,
                "disk size in bytes",
                diskSize,
                "multiples of 4096 up to 1 PiB"
            )
            for forward in forwards {
                try require(forward.host > 0 && forward.guest > 0, "port to forward", 0, "1 to 65535")
            }
            let hostPorts = forwards.map(\.host)
            try require(Set(hostPorts).count == hostPorts.count, "forwards", hostPorts, "each host port once")
            for name in credentials.keys {
                try require(
                    Self.isCredentialName(name),
                    "credential name",
                    name,
                    "1 to 255 of A-Z a-z 0-9 . _ -"
                )
            }
            try require(disks.count <= 8, "number of further disks", disks.count, "0 to 8")
            try require(
                hasNetwork || forwards.isEmpty,
                "forwards of a machine without network",
                hostPorts,
                "none"
            )
            let arguments = kernelArguments.joined(separator: " ")
            try require(
                arguments.utf8.count <= 2048 && arguments.utf8.allSatisfy { (0x20...0x7e).contains($0) },
                "kernel arguments",
                arguments,
                "2048 printable ASCII characters"
            )
            let size = credentials.reduce(0) { $0 + $1.key.utf8.count + $1.value.count }
            try require(size <= Self.credentialLimit, "size of all credentials", size, "at most 1 MiB")
        }

        /// systemd's own limit for all credentials together, in bytes.
        static let credentialLimit = 1 << 20

        private static func isCredentialName(_ name: String) -> Bool {
            (1...255).contains(name.utf8.count)
                && name.utf8.allSatisfy { byte in
                    switch byte {
                    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"),
                        UInt8(ascii: "-"):
                        true
                    default: false
                    }
                }
        }
    }
}
