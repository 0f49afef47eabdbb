import Foundation
import Signatures
import TestSupport
import Testing

/// Runs openssl in a folder that holds the given files, and returns its status, output and the folder.
private func openssl(_ arguments: [String], files: [String: Data]) throws -> (
    status: Int32, output: String, folder: TemporaryDirectory
) {
    let folder = try TemporaryDirectory()
    for (name, data) in files { try data.write(to: URL(filePath: folder.file(name))) }
    let result = try runTool("env", ["-C", folder.path, "openssl"] + arguments)
    return (result.status, result.output, folder)
}

private let message = Array("the quick brown fox, signed".utf8)

@Suite struct SigningTests {
    @Test(arguments: SignatureScheme.allCases)
    func whatWasSignedVerifiesAndNothingElseDoes(_ scheme: SignatureScheme) throws {
        let key = try PrivateKey.generate(scheme.keyKind, rsaBits: 2048)
        let signature = try key.sign(message, scheme: scheme)
        #expect(key.publicKey.isValid(signature: signature, of: message, scheme: scheme))
        #expect(!key.publicKey.isValid(signature: signature, of: message + [0], scheme: scheme))
        #expect(!key.publicKey.isValid(signature: [], of: message, scheme: scheme))
        for index in [0, signature.count / 2, signature.count - 1] {
            var damaged = signature
            damaged[index] ^= 1
            #expect(!key.publicKey.isValid(signature: damaged, of: message, scheme: scheme))
        }
        #expect(!key.publicKey.isValid(signature: signature + [0], of: message, scheme: scheme))
        let other = try PrivateKey.generate(scheme.keyKind, rsaBits: 2048).publicKey
        #expect(!other.isValid(signature: signature, of: message, scheme: scheme))
        for wrong in SignatureScheme.allCases where wrong != scheme {
            #expect(!key.publicKey.isValid(signature: signature, of: message, scheme: wrong))
        }
    }

    @Test func anEmptyMessageCanBeSigned() throws {
        let key = try PrivateKey.generate(.ed25519)
        #expect(try key.publicKey.isValid(signature: key.sign([]), of: [], scheme: .ed25519))
    }

    @Test func aSchemeForAnotherKeyIsRefused() throws {
        let key = try PrivateKey.generate(.ed25519)
        #expect(throws: SignatureError.schemeDoesNotFit(scheme: .ecdsaP256, key: .ed25519)) {
            try key.sign(message, scheme: .ecdsaP256)
        }
    }

    /// RFC 8032 section 7.1, test 3.
    @Test func ed25519EqualsTheStandard() throws {
        let key = try PublicKey(
            rawEd25519: bytes("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025")
        )
        let signature = bytes(
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
                + "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
        )
        #expect(key.isValid(signature: signature, of: [0xaf, 0x82], scheme: .ed25519))
        #expect(!key.isValid(signature: signature, of: [0xaf, 0x83], scheme: .ed25519))
    }
}

@Suite struct OpenSSLTests {
    private static let verifyOptions: [SignatureScheme: [String]] = [
        .ecdsaP256: [],
        .rsaPSS: ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"],
        .rsaPKCS1: [],
    ]

    @Test(arguments: SignatureScheme.allCases) func opensslAcceptsOurs(_ scheme: SignatureScheme) throws {
        let key = try PrivateKey.generate(scheme.keyKind, rsaBits: 2048)
        let files = try [
            "key.pem": Data(key.publicKey.pem().utf8), "message": Data(message),
            "signature": Data(key.sign(message, scheme: scheme)),
        ]
        let arguments =
            if let options = Self.verifyOptions[scheme] {
                ["dgst", "-sha256", "-verify", "key.pem", "-signature", "signature"] + options + ["message"]
            } else {
                ["pkeyutl", "-verify", "-pubin", "-inkey", "key.pem", "-rawin", "-in", "message"]
                    + ["-sigfile", "signature"]
            }
        let result = try openssl(arguments, files: files)
        #expect(result.status == 0, "\(result.output)")
    }

    @Test(arguments: [KeyKind.ed25519, .ecdsaP256, .rsa]) func weReadOpenssls(_ kind: KeyKind) throws {
        let options: [String] =
            switch kind {
            case .ed25519: ["-algorithm", "ed25519"]
            case .ecdsaP256: ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
            case .rsa: ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]
            }
        let made = try openssl(["genpkey", "-out", "key.pem"] + options, files: [:])
        #expect(made.status == 0, "\(made.output)")
        let pem = try String(contentsOfFile: made.folder.file("key.pem"), encoding: .utf8)
        let key = try PrivateKey(pem: pem)
        #expect(key.publicKey.kind == kind)
        #expect(try key.pem() == pem)
        let openssls = try openssl(["pkey", "-in", "key.pem", "-pubout"], files: ["key.pem": Data(pem.utf8)])
        #expect(try key.publicKey.pem() == openssls.output)
        #expect(try PublicKey(pem: openssls.output) == key.publicKey)
    }

    @Test func aKeyWithPassphraseGoesBothWays() throws {
        let key = try PrivateKey.generate(.ecdsaP256)
        let pem = try key.pem(passphrase: "correct horse")
        #expect(pem.contains("BEGIN ENCRYPTED PRIVATE KEY"))
        #expect(try PrivateKey(pem: pem, passphrase: "correct horse").publicKey == key.publicKey)
        #expect(throws: SignatureError.wrongPassphrase) { try PrivateKey(pem: pem) }
        #expect(throws: SignatureError.wrongPassphrase) { try PrivateKey(pem: pem, passphrase: "battery") }
        let read = try openssl(
            ["pkey", "-in", "key.pem", "-passin", "pass:correct horse", "-pubout"],
            files: ["key.pem": Data(pem.utf8)]
        )
        #expect(try read.output == key.publicKey.pem())
        // libcrypto asks for no more when it reads.
        let long = String(repeating: "p", count: 1023)
        #expect(try PrivateKey(pem: key.pem(passphrase: long), passphrase: long).publicKey == key.publicKey)
        #expect(throws: SignatureError.passphraseTooLong(limit: 1023)) {
            try key.pem(passphrase: long + "p")
        }
        let written = try openssl(
            ["pkcs8", "-topk8", "-in", "key.pem", "-passout", "pass:battery"],
            files: ["key.pem": Data(key.pem().utf8)]
        )
        #expect(try PrivateKey(pem: written.output, passphrase: "battery").publicKey == key.publicKey)
    }

    @Test func otherSaltLengthsAreAccepted() throws {
        let key = try PrivateKey.generate(.rsa, rsaBits: 2048)
        let made = try openssl(
            [
                "dgst", "-sha256", "-sign", "key.pem", "-sigopt", "rsa_padding_mode:pss", "-sigopt",
                "rsa_pss_saltlen:max", "-out", "signature", "message",
            ],
            files: ["key.pem": Data(key.pem().utf8), "message": Data(message)]
        )
        #expect(made.status == 0, "\(made.output)")
        let signature = try Data(contentsOf: URL(filePath: made.folder.file("signature")))
        #expect(key.publicKey.isValid(signature: Array(signature), of: message, scheme: .rsaPSS))
    }
}

@Suite struct KeyFormTests {
    @Test func ed25519HasRawBytes() throws {
        let key = try PrivateKey.generate(.ed25519).publicKey
        let raw = try #require(key.rawEd25519)
        #expect(try PublicKey(rawEd25519: raw) == key)
        #expect(throws: SignatureError.self) { try PublicKey(rawEd25519: Array(raw.dropLast())) }
        #expect(throws: SignatureError.self) { try PublicKey(rawEd25519: []) }
    }

    @Test func aPointOfP256IsReadInBothForms() throws {
        let key = try PrivateKey.generate(.ecdsaP256).publicKey
        let point = Array(key.der.suffix(65))
        #expect(try PublicKey(rawP256: point) == key)
        let compressed = [2 + point[64] & 1] + point[1...32]
        let read = try PublicKey(rawP256: compressed)
        #expect(read.kind == .ecdsaP256)
        #expect(read == key && read.der == key.der)
        var outside = point
        outside[64] ^= 1
        #expect(throws: SignatureError.notAPublicKey(expected: "a point on P-256")) {
            try PublicKey(rawP256: outside)
        }
        #expect(throws: SignatureError.self) { try PublicKey(rawP256: []) }
        #expect(throws: SignatureError.self) { try PublicKey(rawP256: Array(point.dropLast())) }
    }

    /// The same key however openssl writes it.
    @Test func formsOfOneKeyAreEqual() throws {
        let key = try PrivateKey.generate(.ecdsaP256)
        let files = ["key.pem": Data(try key.pem().utf8)]
        let compressed = try openssl(
            ["ec", "-in", "key.pem", "-pubout", "-conv_form", "compressed"],
            files: files
        )
        let start = try #require(compressed.output.range(of: "-----BEGIN"))
        let text = String(compressed.output[start.lowerBound...])
        #expect(try text != key.publicKey.pem())
        #expect(try PublicKey(pem: text) == key.publicKey)
        let explicit = try openssl(
            ["ec", "-in", "key.pem", "-pubout", "-param_enc", "explicit"],
            files: files
        )
        let begin = try #require(explicit.output.range(of: "-----BEGIN"))
        #expect(throws: SignatureError.unsupportedKey("EC with explicit parameters")) {
            try PublicKey(pem: String(explicit.output[begin.lowerBound...]))
        }
    }

    @Test(arguments: [
        (["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"], "EC secp384r1"),
        (["-algorithm", "X25519"], "X25519"),
        (["-quiet", "-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"], "RSA-PSS"),
    ])
    func otherKindsAreNamed(_ options: [String], _ name: String) throws {
        let made = try openssl(["genpkey"] + options, files: [:])
        #expect(throws: SignatureError.unsupportedKey(name)) { try PrivateKey(pem: made.output) }
    }

    @Test func smallRSAKeysAreRefused() throws {
        let made = try openssl(
            [
                "genpkey", "-quiet", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024", "-out",
                "key.pem",
            ],
            files: [:]
        )
        let again =
            made.status == 0
            ? made
            : try openssl(
                ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024", "-out", "key.pem"],
                files: [:]
            )
        let pem = try String(contentsOfFile: again.folder.file("key.pem"), encoding: .utf8)
        #expect(throws: SignatureError.unsupportedSize(bits: 1024)) { try PrivateKey(pem: pem) }
        #expect(throws: SignatureError.unsupportedSize(bits: 1024)) {
            try PrivateKey.generate(.rsa, rsaBits: 1024)
        }
    }

    @Test(arguments: ["", "text", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"])
    func damagedKeysAreRefused(_ text: String) throws {
        #expect(throws: SignatureError.self) { try PublicKey(pem: text) }
        #expect(throws: SignatureError.notAPrivateKey) { try PrivateKey(pem: text) }
        #expect(throws: SignatureError.self) { try PublicKey(der: Array(text.utf8)) }
    }

    @Test func nothingMayFollowADERKey() throws {
        let key = try PrivateKey.generate(.ed25519).publicKey
        #expect(try PublicKey(der: key.der) == key)
        #expect(throws: SignatureError.self) { try PublicKey(der: key.der + [0]) }
        for count in 0..<key.der.count {
            #expect(throws: SignatureError.self) { try PublicKey(der: Array(key.der.prefix(count))) }
        }
    }
}

/// The bytes of hexadecimal digits.
private func bytes(_ hex: String) -> [UInt8] {
    stride(from: 0, to: hex.count, by: 2).compactMap { UInt8(hex.dropFirst($0).prefix(2), radix: 16) }
}
