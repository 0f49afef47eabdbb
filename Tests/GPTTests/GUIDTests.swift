import Foundation
import GPT
import TestSupport
import Testing

@Suite struct GUIDTests {
    @Test func diskOrderIsMixedEndian() throws {
        let guid = try Sample.guid("C12A7328-F81F-11D2-BA4B-00A0C93EC93B")
        #expect(guid.diskBytes.prefix(8) == [0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2, 0x11])
        #expect(guid.diskBytes.suffix(8) == [0xba, 0x4b, 0x00, 0xa0, 0xc9, 0x3e, 0xc9, 0x3b])
        #expect(guid.description == "c12a7328-f81f-11d2-ba4b-00a0c93ec93b")
        #expect(GUID(diskBytes: guid.diskBytes) == guid)
        #expect(GUID(uuidBytes: guid.uuidBytes) == guid)
        #expect(guid.uuidBytes.prefix(4) == [0xc1, 0x2a, 0x73, 0x28])
        #expect(PartitionType.esp.guid == guid)
    }

    @Test func halvesOfARootHashAreTakenInTextOrder() throws {
        let hash = (0..<32).map { UInt8($0) }
        #expect(GUID(uuidBytes: hash.prefix(16))?.description == "00010203-0405-0607-0809-0a0b0c0d0e0f")
        #expect(GUID(uuidBytes: hash.suffix(16))?.description == "10111213-1415-1617-1819-1a1b1c1d1e1f")
        #expect(GUID(uuidBytes: hash) == nil)
        #expect(GUID(diskBytes: hash.prefix(15)) == nil)
    }

    @Test(arguments: [
        "", "-", "----", "c12a7328f81f11d2ba4b00a0c93ec93b", "c12a7328-f81f-11d2-ba4b-00a0c93ec93",
        "c12a7328-f81f-11d2-ba4b-00a0c93ec93bb", "{12a7328-f81f-11d2-ba4b-00a0c93ec93b",
        "c12a732-8f81f-11d2-ba4b-00a0c93ec93b", "c12a7328-f81f-11d2-ba4b-00a0c93ec93g",
        "ä2a7328-f81f-11d2-ba4b-00a0c93ec93b",
    ])
    func malformedTextIsRefused(_ text: String) {
        #expect(GUID(text) == nil)
    }

    @Test func textFormIsItsCoding() throws {
        let guid = try Sample.guid(Sample.disk)
        let json = try JSONEncoder().encode([guid])
        #expect(String(decoding: json, as: UTF8.self) == "[\"\(Sample.disk)\"]")
        #expect(try JSONDecoder().decode([GUID].self, from: json) == [guid])
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode([GUID].self, from: Data("[\"x\"]".utf8))
        }
    }

    /// systemd's own list is the reference for the types.
    @Test(arguments: [
        "esp", "xbootldr", "swap", "home", "srv", "var", "tmp", "linux-generic",
        "root-x86-64", "root-x86-64-verity", "root-x86-64-verity-sig",
        "root-arm64", "root-arm64-verity", "root-arm64-verity-sig",
        "usr-x86-64", "usr-x86-64-verity", "usr-x86-64-verity-sig",
        "usr-arm64", "usr-arm64-verity", "usr-arm64-verity-sig",
    ])
    func typesAreThoseOfSystemd(_ name: String) throws {
        let tool = try runTool("systemd-id128", "show", "--uuid", name)
        let type = try #require(PartitionType(name: name))
        #expect(tool.status == 0)
        #expect(tool.output.contains(type.guid.description), "\(tool.output)")
        #expect(type.description == name)
    }

    @Test func unknownTypesShowTheirIdentifier() throws {
        #expect(try PartitionType(Sample.guid(Sample.disk)).description == Sample.disk)
        #expect(PartitionType(name: "nonesuch") == nil)
    }
}
