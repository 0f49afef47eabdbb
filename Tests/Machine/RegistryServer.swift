import Foundation
import TestSupport
import Testing

/// Debian's docker-registry on the loopback interface, which guests see as 10.0.2.2: over TLS with a certificate of its
/// own, and only for those who know the password.
final class RegistryServer: Sendable {
    static let user = "worker"
    static let password = "correct horse"
    /// The password as htpasswd(1) writes it, bcrypt with a cost of 5.
    private static let htpasswd = "worker:$2b$05$Nn2MAoXI.ypcdAeEgOkxbe6B4IX7JONE5YHNFQLn5iW2DPMHVYbPG"

    /// Its certificate, which is its own authority, in PEM.
    let certificate: String
    private let port: Int
    private let place: TemporaryDirectory
    private let process: Int32

    init() throws {
        place = try TemporaryDirectory()
        port = try #require(try freePorts(1).first)
        let made = try TestCertificate(
            in: place,
            subject: "Registry Under Test",
            hosts: ["IP:127.0.0.1", "IP:10.0.2.2"]
        )
        certificate = try made.pem
        try Data((Self.htpasswd + "\n").utf8).write(to: place.url.appending(path: "htpasswd"))
        let configuration = """
            version: 0.1
            log: {level: warn, accesslog: {disabled: true}}
            storage: {filesystem: {rootdirectory: \(place.file("data"))}}
            http: {addr: "127.0.0.1:\(port)", tls: {certificate: \(made.path), key: \(made.keyPath)}}
            auth: {htpasswd: {realm: test, path: \(place.file("htpasswd"))}}
            """
        try Data(configuration.utf8).write(to: place.url.appending(path: "config.yml"))
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["docker-registry", "serve", place.file("config.yml")]
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        try Data().write(to: place.url.appending(path: "log"))
        process.standardError = try FileHandle(forWritingTo: place.url.appending(path: "log"))
        try process.run()
        self.process = process.processIdentifier
        LeftOvers.add(process: self.process)
        let log = (try? String(contentsOfFile: place.file("log"), encoding: .utf8)) ?? ""
        try #require(isAnswered(port), "docker-registry does not listen on port \(port): \(log)")
    }

    deinit { LeftOvers.end(process: process) }

    /// Where a guest finds it.
    var guestURL: String { "https://10.0.2.2:\(port)" }
    /// Its name as a registry.
    var guestName: String { "10.0.2.2:\(port)" }

    /// Puts an image there whose only program is busybox, made by umoci and copied by skopeo.
    ///
    /// - Parameters:
    ///   - path: the path and the tag: `team/tool:1`.
    ///   - command: what it runs.
    /// - Returns: the manifest, and its digest: `sha256:` and hexadecimal digits.
    func push(_ path: String, command: [String]) throws -> (manifest: Data, digest: String) {
        let layout = place.file("layout-\(UUID().uuidString)")
        try Self.run("umoci", ["init", "--layout", layout])
        try Self.run("umoci", ["new", "--image", "\(layout):it"])
        try Self.run(
            "umoci",
            ["insert", "--rootless", "--image", "\(layout):it", "/bin/busybox", "/bin/busybox"]
        )
        try Self.run(
            "umoci",
            ["config", "--image", "\(layout):it"] + command.flatMap { ["--config.cmd", $0] }
        )
        let digest = place.file("digest")
        try Self.run(
            "skopeo",
            ["--insecure-policy", "copy", "--dest-tls-verify=false", "--digestfile", digest]
                + ["--dest-creds", "\(Self.user):\(Self.password)"]
                + ["oci:\(layout):it", "docker://127.0.0.1:\(port)/\(path)"]
        )
        let text = try String(contentsOfFile: digest, encoding: .utf8)
            .trimmingCharacters(in: .whitespacesAndNewlines)
        let hex = try #require(text.split(separator: ":").last.map(String.init), "skopeo told no digest")
        let manifest = try Data(contentsOf: URL(filePath: "\(layout)/blobs/sha256/\(hex)"))
        return (manifest, text)
    }

    private static func run(_ program: String, _ arguments: [String]) throws {
        let (status, output) = try runTool(program, arguments)
        try #require(status == 0, "\(program) \(arguments.joined(separator: " ")): \(output)")
    }
}
