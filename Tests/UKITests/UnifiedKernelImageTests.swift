import Bytes
import Foundation
import TestSupport
import Testing
import UKI

/// Images put together by objcopy from systemd's stub, and what objdump says of them.
@Suite struct UnifiedKernelImageTests {
    private let stubs = "/usr/lib/systemd/boot/efi"

    private static let contents: [(name: String, bytes: [UInt8])] = [
        (".osrel", Array("ID=bulkhead\nIMAGE_VERSION=\"1.0\"\n".utf8)),
        (".cmdline", Array("roothash=00ff quiet console=ttyS0\n\0".utf8)),
        (".uname", Array("6.12.41+deb13-cloud-amd64".utf8)),
        (".initrd", (0..<70_001).map { UInt8(truncatingIfNeeded: $0 &* 13) }),
        (".linux", (0..<300_003).map { UInt8(truncatingIfNeeded: $0 &* 7) }),
    ]

    /// The stub of this machine's architecture, whichever the package has.
    private func stub() throws -> String {
        let names = try FileManager.default.contentsOfDirectory(atPath: stubs).sorted()
        let name = try #require(names.first { $0.hasSuffix(".efi.stub") && $0.hasPrefix("linux") })
        return "\(stubs)/\(name)"
    }

    private func image(in directory: TemporaryDirectory, without missing: String? = nil) throws -> String {
        var arguments: [String] = []
        var address = 0x10_0000
        for (name, bytes) in Self.contents where name != missing {
            let part = directory.file("part\(name)")
            try Data(bytes).write(to: URL(filePath: part))
            arguments += ["--add-section", "\(name)=\(part)"]
            arguments += ["--change-section-vma", "\(name)=0x\(String(address, radix: 16))"]
            address += (bytes.count + 0xfff) & ~0xfff
        }
        let path = directory.file("uki.efi")
        let tool = try runTool("objcopy", arguments + [try stub(), path])
        try #require(tool.status == 0, "\(tool.output)")
        return path
    }

    @Test func sectionsAreThoseOfObjdump() throws {
        let directory = try TemporaryDirectory()
        let path = try image(in: directory)
        let pe = try PEFile(ByteSource(file: path))
        let dump = try runTool("objdump", "-h", path).output
        let rows = dump.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
            .filter { $0.count == 7 && Int($0[0]) != nil }
        #expect(rows.count == pe.sections.count)
        for (row, section) in zip(rows, pe.sections) {
            #expect(row[1] == section.name)
            #expect(UInt64(row[2], radix: 16) == section.contentSize, "\(row)")
            #expect(UInt32(row[5], radix: 16) == section.fileOffset, "\(row)")
            #expect(UInt32(row[3].suffix(6), radix: 16) == section.virtualAddress & 0xff_ffff, "\(row)")
        }
        #expect(pe.isEFIApplication)
        #expect(!pe.isSigned)
        if case .other = pe.machine { Issue.record("unexpected machine \(pe.machine)") }
    }

    @Test func contentsAreWhatWasPutIn() throws {
        let directory = try TemporaryDirectory()
        let uki = try UnifiedKernelImage(ByteSource(file: image(in: directory)))
        #expect(uki.commandLine == "roothash=00ff quiet console=ttyS0")
        #expect(uki.kernelRelease == "6.12.41+deb13-cloud-amd64")
        #expect(uki.osRelease?.id == "bulkhead")
        #expect(uki.osRelease?.imageVersion == "1.0")
        #expect(uki.sbat?.hasPrefix("sbat,1,SBAT Version") == true)
        for (name, bytes) in Self.contents {
            let content = try uki.pe.contents(of: name)
            #expect(try content.read(at: 0, count: Int(content.size)) == bytes, "\(name)")
        }
        #expect(try uki.kernel().size == 300_003)
        #expect(try uki.initrd().size == 70_001)
    }

    @Test func aProgramWithoutAKernelIsNotAnImage() throws {
        let directory = try TemporaryDirectory()
        #expect(throws: UKIError.missingSection(".linux")) {
            try UnifiedKernelImage(ByteSource(file: image(in: directory, without: ".linux")))
        }
        let bare = try PEFile(ByteSource(file: stub()))
        #expect(throws: UKIError.missingSection(".cmdline")) { try bare.contents(of: ".cmdline") }
    }
}

/// Files that are damaged by chance or on purpose: the reader answers, and never traps.
@Suite struct HostilePETests {
    /// A PE file with the given sections, as small as can be.
    private func file(_ sections: [(name: String, bytes: [UInt8])]) -> [UInt8] {
        smallPEFile(sections, machine: 0xaa64)
    }

    private var sample: [UInt8] {
        file([(".linux", [1, 2, 3]), (".cmdline", Array("quiet".utf8)), (".osrel", Array("ID=x".utf8))])
    }

    private func read(_ bytes: [UInt8]) throws -> UnifiedKernelImage {
        try UnifiedKernelImage(ByteSource(bytes: bytes))
    }

    @Test func theSampleIsRead() throws {
        let uki = try read(sample)
        #expect(uki.pe.machine == .arm64)
        #expect(uki.commandLine == "quiet")
        #expect(uki.initrdIsMissing)
    }

    @Test func everyTruncationIsAnError() {
        let bytes = sample
        for length in 0..<bytes.count {
            #expect(throws: UKIError.self, "\(length)") { try read(Array(bytes.prefix(length))) }
        }
    }

    @Test func everyByteCanBeAnything() {
        let bytes = sample
        for index in bytes.indices {
            for value: UInt8 in [0, 1, 0x7f, 0x80, 0xff, bytes[index] ^ 1] {
                var broken = bytes
                broken[index] = value
                if let uki = try? read(broken) {
                    for section in uki.pe.sections { _ = try? uki.pe.contents(of: section.name) }
                }
            }
        }
    }

    @Test func oversizedAndUndecodableTextIsRefused() {
        #expect(throws: UKIError.sectionTooLarge(name: ".cmdline", size: 65_537, limit: 65_536)) {
            try read(file([(".linux", [1]), (".cmdline", [UInt8](repeating: 0x61, count: 65_537))]))
        }
        #expect(throws: UKIError.notText(section: ".uname")) {
            try read(file([(".linux", [1]), (".uname", [0xff, 0xfe])]))
        }
        #expect(throws: UKIError.badOSRelease(line: 1, text: "x")) {
            try read(file([(".linux", [1]), (".osrel", [0x78])]))
        }
    }

    @Test func tooManySectionsAreRefused() {
        let many = (0..<97).map { (name: ".s\($0)", bytes: [UInt8]()) }
        #expect(throws: UKIError.malformed("it has 97 sections, more than 96")) { try read(file(many)) }
    }

    @Test func theSignatureDirectoryIsSeen() throws {
        var bytes = sample
        bytes[64 + 24 + 112 + 36] = 8
        #expect(try read(bytes).pe.isSigned)
    }
}

extension UnifiedKernelImage {
    fileprivate var initrdIsMissing: Bool {
        do {
            _ = try initrd()
            return false
        } catch {
            return error == .missingSection(".initrd")
        }
    }
}
