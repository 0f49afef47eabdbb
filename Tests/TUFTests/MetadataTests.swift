import Foundation
import Hashing
import JSON
import Signatures
import TUF
import TestSupport
import Testing

@Suite struct MetadataTests {
    /// Root metadata as text, in which tests replace something.
    private static let root = """
        {"signatures": [{"keyid": "a", "sig": "00"}], "more": 1, "signed": {"_type": "root", "spec_version": "1.0.19",
         "version": 3, "expires": "2030-01-01T00:00:00Z", "consistent_snapshot": true, "custom-field": {"b": [1]},
         "keys": {"a": {"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public":
         "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025"}, "x": 1}},
         "roles": {"root": {"keyids": ["a"], "threshold": 1, "y": "z"}, "timestamp": {"keyids": [], "threshold": 1},
         "snapshot": {"keyids": [], "threshold": 1}, "targets": {"keyids": [], "threshold": 1}}}}
        """

    private static func parsed(_ text: String) throws -> Metadata<Root> {
        try Metadata<Root>(parsing: Array(text.utf8))
    }

    @Test func unknownMembersStayInTheSignedBytesAndTheFile() throws {
        let metadata = try Self.parsed(Self.root)
        #expect(metadata.signed.version == 3)
        #expect(metadata.signed.expires == MetadataTime("2030-01-01T00:00:00Z"))
        let signed = String(decoding: metadata.signedBytes, as: UTF8.self)
        for member in [#""custom-field":{"b":[1]}"#, #""x":1"#, #""y":"z""#] {
            #expect(signed.contains(member))
        }
        let again = try Metadata<Root>(parsing: metadata.encoded())
        #expect(again == metadata)
        #expect(String(decoding: metadata.encoded(), as: UTF8.self).contains(#""more": 1"#))
        // A writer that changes a role keeps them too.
        var root = metadata.signed
        root.common.version += 1
        let next = String(decoding: try Metadata(root).signedBytes, as: UTF8.self)
        #expect(next == signed.replacing(#""version":3"#, with: #""version":4"#))
    }

    @Test(arguments: [
        (#""_type": "root""#, #""_type": "targets""#), (#""1.0.19""#, #""2.0.0""#), (#""1.0.19""#, #""1""#),
        (#""1.0.19""#, #""1.0.x""#), (#""version": 3"#, #""version": 0"#),
        (#""version": 3"#, #""version": -1"#),
        (#""version": 3"#, #""version": "3""#), (#""version": 3"#, #""version": 3.0"#),
        (#""version": 3"#, #""version": 99999999999999999999"#),
        ("2030-01-01T00:00:00Z", "2030-01-01T00:00:00"),
        ("2030-01-01", "2030-02-30"), (#""keyids": ["a"]"#, #""keyids": ["a", "a"]"#),
        (#""keyids": ["a"]"#, #""keyids": [1]"#),
        (#""keyids": ["a"], "threshold": 1"#, #""keyids": ["a"], "threshold": 0"#),
        (#""timestamp": {"keyids": [], "threshold": 1},"#, ""), (#""scheme": "ed25519","#, ""),
        (#"{"public":"#, #"{"private":"#), (#"[{"keyid": "a", "sig": "00"}]"#, #"[{"keyid": "a"}]"#),
        (#"[{"keyid": "a", "sig": "00"}]"#, #"[{"keyid": "a", "sig": "00"}, {"keyid": "a", "sig": "01"}]"#),
        (#"[{"keyid": "a", "sig": "00"}]"#, #"{}"#), (#""b": [1]"#, #""b": [1.5]"#),
        (#""signed": {"#, #""signed": {"version": 3, "#),
        (#""consistent_snapshot": true"#, #""consistent_snapshot": 1"#),
        (#""x": 1"#, #""x": \#(String(repeating: "[", count: 40))"#),
    ])
    func malformedMetadataAreRefused(_ old: String, _ new: String) throws {
        let text = Self.root.replacing(old, with: new)
        #expect(text != Self.root)
        #expect(throws: TUFError.self) { try Self.parsed(text) }
        _ = try Self.parsed(Self.root)
    }

    @Test func everyCutAndEveryFlippedByteIsReadOrRefused() throws {
        let bytes = Array(Self.root.utf8)
        for count in stride(from: 0, to: bytes.count, by: 3) {
            #expect(throws: TUFError.self) { try Metadata<Root>(parsing: Array(bytes.prefix(count))) }
        }
        for index in bytes.indices {
            var damaged = bytes
            damaged[index] ^= 0x11
            _ = try? Metadata<Root>(parsing: damaged)
        }
    }

    @Test func whatAReaderRefusesIsNotWritten() throws {
        var root = Root(version: 0, expires: testTime)
        #expect(throws: TUFError.self) { try Metadata(root) }
        root.common.version = 1
        #expect(throws: TUFError.self) { try Metadata(root) }
        var targets = Targets(expires: testTime)
        _ = try Metadata(targets)
        targets.targets["a"] = TargetFile(
            length: 1,
            sha256: SHA256Digest(hashing: ""),
            custom: ["x": [.number(0.5)]]
        )
        #expect(throws: TUFError.self) { try Metadata(targets) }
    }

    @Test func signingTwiceKeepsOneSignature() throws {
        let key = try PrivateKey.generate(.ed25519)
        var metadata = try Metadata(Targets(expires: testTime))
        try metadata.sign(with: key)
        let first = metadata.encoded()
        try metadata.sign(with: key)
        #expect(metadata.signatures.count == 1)
        #expect(metadata.encoded() == first)
    }

    @Test(
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("2000-02-29T23:59:59Z", 951_868_799),
            ("2030-01-01T00:00:00Z", 1_893_456_000),
            ("1969-12-31T23:59:59Z", -1), ("0001-01-01T00:00:00Z", -62_135_596_800),
            ("9999-12-31T23:59:59Z", 253_402_300_799),
        ] as [(String, Int64)]
    )
    func timesAreReadAndWritten(_ text: String, _ seconds: Int64) {
        #expect(MetadataTime(text)?.seconds == seconds)
        #expect(MetadataTime(seconds: seconds).description == text)
    }

    @Test(arguments: [
        "", "2030-01-01", "2030-01-01T00:00:00+00:00", "2030-13-01T00:00:00Z", "2030-00-01T00:00:00Z",
        "2030-01-32T00:00:00Z", "2031-02-29T00:00:00Z", "2030-01-01T24:00:00Z", "2030-01-01T00:60:00Z",
        "2030-01-01T00:00:60Z", "2030-1-01T00:00:00Z", "+030-01-01T00:00:00Z", "2030-01-01T00:00:00.Z",
        "2030-01-01T00:00:00.aZ", "0000-01-01T00:00:00Z", "٢٠٣٠-01-01T00:00:00Z",
    ])
    func otherTimesAreRefused(_ text: String) { #expect(MetadataTime(text) == nil) }

    @Test func fractionsOfSecondsAreDropped() {
        #expect(MetadataTime("2030-01-01T00:00:00.999999Z") == MetadataTime("2030-01-01T00:00:00Z"))
    }

    @Test(arguments: [
        ("ecdsa", true), ("ecdsa-sha2-nistp256", true), ("rsa", false), ("ed25519", false), ("", false),
    ])
    func keysAreReadInTheFormsOfTheWild(_ keyType: String, _ isKnown: Bool) throws {
        let key = try PrivateKey.generate(.ecdsaP256)
        let pem = try key.publicKey.pem()
        let forms = [
            pem, String(pem.dropLast()), "\n\(pem)\n", Hex.encode(key.publicKey.der.suffix(65)),
            Hex.encode(key.publicKey.der),
        ]
        for text in forms {
            let value: JSONValue = [
                "keytype": .string(keyType), "scheme": "ecdsa-sha2-nistp256",
                "keyval": ["public": .string(text)],
            ]
            let document = Self.root.replacing(
                #""keys": {"a":"#,
                with: #""keys": {"b": \#(value), "a":"#
            )
            let read = try #require(Self.parsed(document).signed.keys["b"])
            #expect((try? read.publicKey()) == (isKnown ? key.publicKey : nil))
        }
    }
}

@Suite struct FileStoreTests {
    @Test func filesAreReplacedAndNothingElseIsLeft() throws {
        let directory = try TemporaryDirectory()
        let folder = directory.file("metadata")
        let store = FileStore(folder: folder)
        #expect(try store.load("root.json", limit: 10) == nil)
        try store.save("root.json", [1, 2, 3])
        try Data([9]).write(to: URL(filePath: "\(folder)/.metadata-new"))
        try store.save("root.json", [4, 5])
        #expect(try store.load("root.json", limit: 2) == [4, 5])
        #expect(throws: TUFError.tooLong(name: "root.json", limit: 1)) {
            try store.load("root.json", limit: 1)
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["root.json"])
        try store.remove("root.json")
        try store.remove("root.json")
        #expect(try store.load("root.json", limit: 10) == nil)
    }

    @Test func oneLockAtATime() throws {
        let directory = try TemporaryDirectory()
        // Made by the first that wants it.
        let store = FileStore(folder: directory.file("metadata"))
        let lock = try #require(try store.lock())
        #expect(try store.lock() == nil)
        #expect(try FileStore(folder: directory.file("metadata")).lock() == nil)
        lock.release()
        lock.release()
        let next = try #require(try store.lock())
        #expect(try store.lock() == nil)
        next.release()
    }

    @Test func aFolderThatCannotBeWrittenIsNamed() throws {
        let store = FileStore(folder: "/proc/nothing")
        #expect(throws: TUFError.store(operation: "make the folder", path: "/proc/nothing", errno: ENOENT)) {
            try store.save("root.json", [])
        }
    }

    @Test func whatIsNoFileIsNotRead() throws {
        let directory = try TemporaryDirectory()
        try FileManager.default.createDirectory(
            at: URL(filePath: directory.file("root.json")),
            withIntermediateDirectories: false
        )
        #expect(throws: TUFError.self) { try FileStore(folder: directory.path).load("root.json", limit: 10) }
    }
}
