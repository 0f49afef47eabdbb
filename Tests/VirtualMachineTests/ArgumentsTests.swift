import Foundation
import Testing

@testable import VirtualMachine

@Suite struct ArgumentsTests {
    private let paths = VirtualMachine.Paths(
        disk: "/w/disk.qcow2",
        variables: "/w/vars.fd",
        consoleLog: "/w/console.log",
        secondSerialLog: "/w/second.log",
        messages: "/w/qemu.log",
        credentials: "/r",
        consolePipe: "/r/console",
        monitorSocket: "/r/monitor"
    )
    private let firmware = VirtualMachine.Firmware(code: "/f/code.fd", variables: "/f/vars.fd")

    private func arguments(
        _ change: (inout VirtualMachine.Configuration) -> Void = { _ in },
        architecture: VirtualMachine.Architecture = .amd64,
        accelerator: VirtualMachine.Accelerator = .tcg,
        console: VirtualMachine.ConsoleTarget = .log,
        paths: VirtualMachine.Paths? = nil
    ) -> [String] {
        var configuration = VirtualMachine.Configuration(image: "/i/disk.raw", architecture: architecture)
        change(&configuration)
        return VirtualMachine.arguments(
            for: configuration,
            paths: paths ?? self.paths,
            firmware: firmware,
            accelerator: accelerator,
            console: console
        ).arguments
    }

    /// The values of an option, in order.
    private func values(_ option: String, _ arguments: [String]) -> [String] {
        zip(arguments, arguments.dropFirst()).filter { $0.0 == option }.map(\.1)
    }

    @Test func wholeCommandLineOfTheDefaultMachine() {
        #expect(
            arguments { $0.forwards = [.init(host: 2222, guest: 22), .init(host: 8080, guest: 80)] } == [
                "-name", "bulkhead", "-no-user-config", "-nodefaults", "-display", "none",
                "-machine", "q35", "-accel", "tcg,thread=single", "-cpu", "max,la57=off",
                "-smp", "2", "-m", "2048",
                "-drive", "if=pflash,unit=0,format=raw,readonly=on,file=/f/code.fd",
                "-drive", "if=pflash,unit=1,format=raw,file=/w/vars.fd",
                "-drive", "if=none,id=disk,format=qcow2,discard=unmap,file=/w/disk.qcow2",
                "-device",
                "virtio-blk-pci,drive=disk,serial=bulkhead,bootindex=1,logical_block_size=512,physical_block_size=512",
                "-device", "virtio-rng-pci", "-device", "i6300esb", "-action", "watchdog=reset",
                "-netdev", "user,id=net0,hostfwd=tcp:127.0.0.1:2222-:22,hostfwd=tcp:127.0.0.1:8080-:80",
                "-device", "virtio-net-pci,netdev=net0,romfile=",
                "-chardev",
                "pipe,id=console,path=/r/console,logfile=/w/console.log,logappend=on",
                "-serial", "chardev:console", "-qmp", "unix:/r/monitor,server=on,wait=off",
            ]
        )
    }

    @Test func architectureAndAcceleratorChooseMachineAndProcessor() {
        let arm = arguments(architecture: .arm64)
        #expect(values("-machine", arm) == ["virt"] && values("-cpu", arm) == ["max,pauth-impdef=on"])
        let kvm = arguments(accelerator: .kvm)
        #expect(values("-accel", kvm) == ["kvm"] && values("-cpu", kvm) == ["host"])
    }

    @Test func terminalGetsConsoleAndMonitorOnStandardInput() {
        let arguments = arguments(console: .terminal)
        #expect(values("-chardev", arguments).first?.hasPrefix("stdio,id=console,mux=on,signal=off,") == true)
        #expect(values("-mon", arguments) == ["chardev=console"])
    }

    @Test func commasInPathsAreWrittenTwice() {
        var odd = paths
        odd.disk = "/a,b/disk"
        #expect(values("-drive", arguments(paths: odd)).last?.hasSuffix("file=/a,,b/disk") == true)
    }

    @Test func resetAndSectorSizeAreOptions() {
        let arguments = arguments {
            $0.exitsOnReset = true
            $0.sectorSize = 4096
        }
        #expect(arguments.contains("-no-reboot"))
        #expect(values("-device", arguments)[0].contains("logical_block_size=4096,physical_block_size=4096"))
    }

    @Test func furtherDisksAndTheNetworkAreOptions() {
        let arguments = arguments {
            $0.disks = ["/a,b/one", "/two"]
            $0.hasNetwork = false
        }
        #expect(
            values("-drive", arguments).suffix(2) == [
                "if=none,id=disk1,format=raw,file=/a,,b/one", "if=none,id=disk2,format=raw,file=/two",
            ]
        )
        #expect(
            values("-device", arguments).suffix(2) == [
                "virtio-blk-pci,drive=disk1,serial=disk1", "virtio-blk-pci,drive=disk2,serial=disk2",
            ]
        )
        #expect(values("-netdev", arguments) == [])
    }

    @Test func kernelArgumentsAndSecondSerialPortAreOptions() {
        let amd64 = arguments {
            $0.kernelArguments = ["a=b,c", "d"]
            $0.hasSecondSerialPort = true
        }
        #expect(values("-smbios", amd64) == ["type=11,value=io.systemd.stub.kernel-cmdline-extra=a=b,,c d"])
        #expect(values("-serial", amd64) == ["chardev:console", "chardev:second"])
        #expect(values("-chardev", amd64).last == "file,id=second,append=on,path=/w/second.log")
        let arm64 = arguments({ $0.hasSecondSerialPort = true }, architecture: .arm64)
        #expect(values("-serial", arm64) == ["chardev:console"])
        #expect(values("-device", arm64).last == "virtconsole,chardev=second")
    }

    @Test func credentialsAreSortedAndLargeOnesGoThroughFiles() {
        var configuration = VirtualMachine.Configuration(image: "/i", architecture: .amd64)
        configuration.credentials = [
            "b": [1, 2, 3], "a": Array("hello".utf8), "big": .init(repeating: 7, count: 40_000),
        ]
        let (arguments, files) = VirtualMachine.arguments(
            for: configuration,
            paths: paths,
            firmware: firmware,
            accelerator: .tcg,
            console: .log
        )
        #expect(
            values("-smbios", arguments) == [
                "type=11,value=io.systemd.credential.binary:a=aGVsbG8=",
                "type=11,value=io.systemd.credential.binary:b=AQID",
                "type=11,path=/r/credential-big",
            ]
        )
        #expect(files.map(\.path) == ["/r/credential-big"])
        let prefix = "io.systemd.credential.binary:big="
        #expect(files.first?.content.hasPrefix(prefix) == true)
        let value = Data(base64Encoded: String(files.first?.content.dropFirst(prefix.count) ?? ""))
        #expect(value == Data(repeating: 7, count: 40_000))
        // More than a 16-bit table can hold.
        #expect(values("-machine", arguments) == ["q35,smbios-entry-point-type=64"])
    }

    private struct BadValue: Sendable {
        let name: String
        let change: @Sendable (inout VirtualMachine.Configuration) -> Void

        init(_ name: String, _ change: @escaping @Sendable (inout VirtualMachine.Configuration) -> Void) {
            self.name = name
            self.change = change
        }
    }

    private static let badValues = [
        BadValue("memory in MiB") { $0.memory = 0 }, BadValue("number of processors") { $0.processors = 256 },
        BadValue("sector size") { $0.sectorSize = 1024 },
        BadValue("disk size in bytes") { $0.diskSize = 4097 },
        BadValue("port to forward") { $0.forwards = [.init(host: 0, guest: 22)] },
        BadValue("number of further disks") { $0.disks = .init(repeating: "/d", count: 9) },
        BadValue("forwards of a machine without network") {
            $0.hasNetwork = false
            $0.forwards = [.init(host: 1, guest: 22)]
        },
        BadValue("forwards") { $0.forwards = [.init(host: 1, guest: 22), .init(host: 1, guest: 23)] },
        BadValue("credential name") { $0.credentials = ["a,b": []] },
        BadValue("credential name") { $0.credentials = ["": []] },
        BadValue("kernel arguments") { $0.kernelArguments = ["a\nb"] },
        BadValue("size of all credentials") { $0.credentials = ["a": .init(repeating: 0, count: 1 << 20)] },
    ]

    @Test(arguments: badValues.indices) func valueOutOfRangeIsNamed(_ index: Int) {
        let bad = Self.badValues[index]
        let (what, change) = (bad.name, bad.change)
        var configuration = VirtualMachine.Configuration(image: "/i", architecture: .amd64)
        change(&configuration)
        do throws(VirtualMachineError) {
            try configuration.validate()
            Issue.record("\(what) was accepted")
        } catch .invalid(let name, _, _) {
            #expect(name == what)
        } catch {
            Issue.record("\(error)")
        }
    }
}

@Suite struct ConsoleReaderTests {
    @Test(arguments: [
        ("\u{1b}[2J\u{1b}[01;01HUEFI\u{1b}[0m Shell\r", "UEFI Shell"), ("\u{1b}]0;title\u{7}text", "text"),
        ("\u{1b}]0;title\u{1b}\\text", "text"), ("\u{1b}(Btab\there", "tab\there"), ("cut \u{1b}[12", "cut "),
        ("cut \u{1b}", "cut "), ("\u{1b}7\u{0}plain\u{7f}", "plain"), ("Grüße", "Grüße"),
    ])
    func controlSequencesAreRemoved(_ text: String, _ plain: String) {
        #expect(ConsoleReader.plain(Array(text.utf8)) == plain)
    }
}
