import Foundation
import Testing

/// A certificate with its private key, made by openssl(1): files in PEM for servers under test.
public struct TestCertificate: Sendable {
    /// What kind of key it has.
    public enum Key: Sendable {
        /// On the elliptic curve P-256.
        case p256
        /// RSA with 2048 bits.
        case rsa

        var arguments: [String] {
            switch self {
            case .p256: ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
            case .rsa: ["-newkey", "rsa:2048"]
            }
        }
    }

    /// Where the certificate is.
    public let path: String
    /// Where its key is, without a password.
    public let keyPath: String

    /// Makes `NAME.pem` and `NAME.key` in a folder, valid from now on for a month.
    ///
    /// - Parameters:
    ///   - folder: where they stay as long as the folder does.
    ///   - name: what the files are called.
    ///   - subject: the common name.
    ///   - hosts: what it is for, as in `DNS:localhost` or `IP:127.0.0.1`.
    ///   - key: the kind of key.
    ///   - constraints: whether it is an authority's, as in `CA:TRUE`; what openssl's configuration says if nil.
    ///   - authority: who signs it; it is its own authority if nil.
    public init(
        in folder: TemporaryDirectory,
        name: String = "certificate",
        subject: String = "localhost",
        hosts: [String] = [],
        key: Key = .p256,
        constraints: String? = nil,
        signedBy authority: TestCertificate? = nil
    ) throws {
        (path, keyPath) = (folder.file("\(name).pem"), folder.file("\(name).key"))
        var arguments = ["req", "-x509", "-nodes", "-days", "30", "-subj", "/CN=\(subject)"] + key.arguments
        arguments += ["-keyout", keyPath, "-out", path]
        if !hosts.isEmpty { arguments += ["-addext", "subjectAltName=\(hosts.joined(separator: ","))"] }
        if let constraints { arguments += ["-addext", "basicConstraints=critical,\(constraints)"] }
        if let authority { arguments += ["-CA", authority.path, "-CAkey", authority.keyPath] }
        let (status, output) = try runTool("openssl", arguments)
        try #require(status == 0, "openssl: \(output)")
    }

    /// The certificate itself.
    public var pem: String { get throws { try String(contentsOfFile: path, encoding: .utf8) } }
    /// The key itself.
    public var keyPEM: String { get throws { try String(contentsOfFile: keyPath, encoding: .utf8) } }
}
