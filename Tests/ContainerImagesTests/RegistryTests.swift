import Foundation
import HTTPFetch
import OCI
import TestSupport
import Testing

@testable import ContainerImages

/// What Debian's docker-registry has, and what skopeo and umoci say of what we make of it.
@Suite struct RegistryTests {
    private func client(
        _ credentials: [String: RegistryCredential] = [:],
        mirrors: [String: [String]] = [:],
        authorities: String? = nil
    ) throws -> RegistryClient {
        var limits = RegistryClient.limits
        (limits.tries, limits.firstPause) = (2, .milliseconds(5))
        return try RegistryClient(
            configuration: RegistryConfiguration(
                mirrors: mirrors,
                credentials: credentials,
                authorities: authorities
            ),
            limits: limits
        )
    }

    @Test func anArchiveThatOtherToolsRead() async throws {
        let image = try TestImage()
        let registry = try DockerRegistry()
        defer { withExtendedLifetime((image, registry)) {} }
        try registry.take(image, as: "team/one:1")
        let reference = try ImageReference(parsing: "\(registry.host)/team/one:1")
        let source = try await client().resolve(reference)
        // skopeo compresses the layers on their way, so that the digests are not those of the folder.
        #expect(source.reference == reference && source.configuration.entrypoint == ["/small"])
        #expect(source.digest == source.manifest.digest)
        let progress = Progress()
        let read = try await ReadArchive(source.archive { progress.set($0) })
        defer { withExtendedLifetime(read) {} }
        #expect(progress.value == source.size && read.longest <= 1 << 20)
        #expect(read.names.count == 7 && read.names.prefix(2) == ["oci-layout", "index.json"])
        let index = try Data(contentsOf: URL(filePath: "\(read.folder)/index.json"))
        #expect(Array(index) == source.index.json)

        let inspected = try runTool("skopeo", "inspect", "oci-archive:\(read.file)")
        #expect(inspected.status == 0, "\(inspected.output)")
        #expect(inspected.output.contains(source.manifest.digest.description))
        #expect(inspected.output.contains("\"made-by\": \"a test\""))
        // Copying compares every digest.
        let copied = try runTool(
            "skopeo",
            "--insecure-policy",
            "copy",
            "oci-archive:\(read.file):1",
            "dir:\(read.place.file("copy"))"
        )
        #expect(copied.status == 0, "\(copied.output)")
        let bundle = read.place.file("bundle")
        let unpacked = try runTool("umoci", "unpack", "--rootless", "--image", "\(read.folder):1", bundle)
        #expect(unpacked.status == 0, "\(unpacked.output)")
        for (name, bytes) in zip(["big", "small", "empty"], image.contents) {
            #expect(try Array(Data(contentsOf: URL(filePath: "\(bundle)/rootfs/\(name)"))) == bytes)
        }

        // By digest, through a mirror of all registries; the same image has the same index only under the same name.
        let mirrored = try client(mirrors: ["*": ["http://\(registry.host)"]])
        let name = "registry.invalid/team/one@\(source.digest)"
        let pinned = try await mirrored.resolve(try ImageReference(parsing: name))
        #expect(pinned.manifest.digest == source.digest && pinned.index.json != source.index.json)
        // What is not there.
        for name in ["team/one:2", "team/two:1", "team/one@sha256:\(String(repeating: "0", count: 64))"] {
            let unknown = try ImageReference(parsing: "\(registry.host)/\(name)")
            let error = await failure { _ = try await client().resolve(unknown) }
            #expect(error?.isNotFound == true && "\(String(describing: error))".contains(registry.host))
        }
        let refused = try ImageReference(parsing: "127.0.0.1:1/team/one")
        let error = await failure { _ = try await client().resolve(refused) }
        guard case .fetch(.failed(_, .refused))? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func credentials() async throws {
        let image = try TestImage(size: 1000)
        let registry = try DockerRegistry(isClosed: true)
        defer { withExtendedLifetime((image, registry)) {} }
        try registry.take(image, as: "team/one:1")
        let reference = try ImageReference(parsing: "\(registry.host)/team/one:1")
        let auth = Data("\(DockerRegistry.user):\(DockerRegistry.password)".utf8).base64EncodedString()
        let good: [RegistryCredential] = [
            .password(user: DockerRegistry.user, password: DockerRegistry.password),
            try #require(RegistryCredential(auth: auth)),
        ]
        for credential in good {
            let source = try await client([registry.host: credential]).resolve(reference)
            #expect(try await ReadArchive(source.archive { _ in }).names.count == 7)
        }
        let wrong = RegistryCredential.password(user: DockerRegistry.user, password: "hunter2")
        let error = await failure { _ = try await client([registry.host: wrong]).resolve(reference) }
        #expect(error == .refused(server: registry.host, repository: "team/one", user: "worker"))
        let text = "\(String(describing: error)) \(wrong) \(String(reflecting: wrong))"
        #expect(text.contains("worker") && !text.contains("hunter2"))
        #expect(error?.description.contains("the user 'worker'") == true)
        // No credentials, those of another server, and a token where a password is asked for.
        for credentials in [[:], ["127.0.0.1": good[0]], [registry.host: .identityToken("hunter2")]] {
            let error = await failure { _ = try await client(credentials).resolve(reference) }
            guard case .refused(registry.host, "team/one", _)? = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
        }
    }

    @Test func encryption() async throws {
        let image = try TestImage(size: 1000)
        let registry = try DockerRegistry(isSecure: true)
        defer { withExtendedLifetime((image, registry)) {} }
        try registry.take(image, as: "one:1")
        let reference = try ImageReference(parsing: "registry.invalid/one:1")
        let mirrors = ["registry.invalid": ["https://\(registry.host)"]]
        let source = try await client(mirrors: mirrors, authorities: registry.authority).resolve(reference)
        #expect(try await ReadArchive(source.archive { _ in }).names.count == 7)
        let error = await failure { _ = try await client(mirrors: mirrors).resolve(reference) }
        guard case .servers(let errors)? = error, case .fetch(.failed(_, .untrusted))? = errors.first else {
            Issue.record("a certificate that nobody signed was taken")
            return
        }
    }
}

/// What was told last.
final class Progress: @unchecked Sendable {
    private let lock = NSLock()
    private var last: Int64 = 0
    var value: Int64 { lock.withLock { last } }
    func set(_ value: Int64) { lock.withLock { last = value } }
}
