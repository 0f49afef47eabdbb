import Hashing
import Testing

@testable import SBOM

@Suite("packages.json")
struct PackageInventoryTests {
    typealias File = PackageInventory.File
    static let digest = SHA256Digest(hashing: "x")

    static func package(_ name: String) -> PackageInventory.Package {
        PackageInventory.Package(name: name, version: "1-1", architecture: "amd64", sha256: digest)
    }

    static func sample() throws -> PackageInventory {
        try PackageInventory(
            packages: [package("b"), package("a")],
            files: [
                File(path: "/usr/x", type: .regular, mode: 0o4755, size: 7, sha256: digest, package: "b"),
                File(
                    path: "/usr/y",
                    type: .regular,
                    mode: 0o644,
                    uid: 1,
                    gid: 2,
                    size: 5,
                    sha256: digest,
                    package: "b"
                ),
                File(path: "/usr/z", type: .hardLink, mode: 0o644, size: 5, target: "/usr/y", package: "b"),
                File(path: "/bin", type: .symbolicLink, mode: 0o777, target: "usr/bin"),
                File(path: "/usr", type: .directory, mode: 0o755, package: "a"),
            ]
        )
    }

    @Test("The canonical text is this, to the byte, and comes back")
    func canonical() throws {
        let hex = Self.digest.hex
        let expected = """
            {
            "formatVersion":1,
            "packages":[
            {"architecture":"amd64","bytes":0,"name":"a","sha256":"\(hex)","version":"1-1"},
            {"architecture":"amd64","bytes":12,"name":"b","sha256":"\(hex)","version":"1-1"}
            ],
            "files":[
            {"gid":0,"mode":"0777","path":"/bin","size":0,"target":"usr/bin","type":"symbolicLink","uid":0},
            {"gid":0,"mode":"0755","package":"a","path":"/usr","size":0,"type":"directory","uid":0},
            {"gid":0,"mode":"4755","package":"b","path":"/usr/x","sha256":"\(hex)","size":7,"type":"regular","uid":0},
            {"gid":2,"mode":"0644","package":"b","path":"/usr/y","sha256":"\(hex)","size":5,"type":"regular","uid":1},
            {"gid":0,"mode":"0644","package":"b","path":"/usr/z","size":5,"target":"/usr/y","type":"hardLink","uid":0}
            ]
            }

            """
        let bytes = try Self.sample().encoded()
        #expect(String(decoding: bytes, as: UTF8.self) == expected)
        #expect(try PackageInventory(decoding: bytes) == Self.sample())
        let empty = try PackageInventory(packages: [], files: [])
        #expect(try PackageInventory(decoding: empty.encoded()) == empty)
    }

    @Test("What comes twice, is not absolute or has no package is refused")
    func refused() {
        #expect(throws: SBOMError.duplicatePackage(name: "a", architecture: "amd64")) {
            try PackageInventory(packages: [Self.package("a"), Self.package("a")], files: [])
        }
        let file = File(path: "/a", type: .regular, mode: 0, package: "gone")
        #expect(throws: SBOMError.unknownPackage(name: "gone", path: "/a")) {
            try PackageInventory(packages: [], files: [file])
        }
        let twice = File(path: "/a", type: .directory, mode: 0)
        #expect(throws: SBOMError.self) { try PackageInventory(packages: [], files: [twice, twice]) }
        let relative = File(path: "a", type: .directory, mode: 0)
        #expect(throws: SBOMError.self) { try PackageInventory(packages: [], files: [relative]) }
        let huge = ["/a", "/b"].map { File(path: $0, type: .regular, mode: 0, size: .max, package: "a") }
        #expect(throws: SBOMError.self) { try PackageInventory(packages: [Self.package("a")], files: huge) }
    }

    @Test("Paths that differ only in Unicode normal form are two paths")
    func normalForms() throws {
        let files = ["/e\u{301}", "/\u{e9}"].map { File(path: $0, type: .regular, mode: 0o644) }
        #expect(try PackageInventory(packages: [], files: files).files.count == 2)
    }

    @Test("Cut and damaged files end in an error or a valid value")
    func hostile() throws {
        let bytes = try Self.sample().encoded()
        for length in 0..<(bytes.count - 2) {
            #expect(throws: SBOMError.self) { try PackageInventory(decoding: Array(bytes[..<length])) }
        }
        for position in bytes.indices {
            var damaged = bytes
            damaged[position] ^= UInt8(1 << (position % 8))
            _ = try? PackageInventory(decoding: damaged)
        }
        let text = String(decoding: bytes, as: UTF8.self)
        for (old, new) in [
            ("\"4755\"", "\"47555\""), ("\"4755\"", "4755"), ("Version\":1", "Version\":2"),
            ("\"gid\":2", "\"gid\":-2"),
        ] {
            let changed = Array(text.replacing(old, with: new).utf8)
            #expect(throws: SBOMError.self) { try PackageInventory(decoding: changed) }
        }
    }
}
