import Foundation
import HTTPFetch
import OCI
import TestSupport
import Testing

@testable import ContainerImages

/// Servers that fail, lie and ask, and mirrors that take their place.
@Suite struct FaultTests {
    private static let reference = "\(FaultyRegistry.host)/team/one:1"

    /// Pulls an image and unpacks it.
    private func pull(
        _ client: RegistryClient,
        _ reference: String = FaultTests.reference
    ) async throws -> (source: RegistrySource, archive: ReadArchive) {
        let source = try await client.resolve(try ImageReference(parsing: reference))
        return (source, try await ReadArchive(source.archive { _ in }))
    }

    private func blobRequests(_ registry: FaultyRegistry, _ mode: String) -> [[String]] {
        registry.requests.filter { $0[2].hasPrefix("/\(mode)/") && $0[2].contains("/blobs/") }
    }

    @Test func theNextMirrorIsAsked() async throws {
        let image = try TestImage(size: 1000)
        let registry = try FaultyRegistry(image)
        defer { withExtendedLifetime((image, registry)) {} }
        for mode in ["gone", "down", "mute", "wrongmanifest", "endless"] {
            let archive = try await pull(registry.client([mode, "ok"])).archive
            #expect(try archive.names.count == 7 && image.isIn(archive), "\(mode)")
        }
        // The mirror is told whose images these are, as containerd tells it.
        #expect(registry.requests.contains { $0[2] == "/ok/team/one/manifests/1?ns=registry.invalid" })
        // What cannot be resolved lists every server.
        let error = await failure { _ = try await pull(registry.client(["gone", "mute"])) }
        guard case .servers(let errors)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(errors.count == 3 && errors[0].isNotFound)
        // Who got an answer from one has a network.
        #expect(errors[2].isOutOfReach && error?.isOutOfReach == false)
        guard case .authentication = errors[1], case .fetch(.failed(_, .unknownHost)) = errors[2] else {
            Issue.record("\(errors)")
            return
        }
    }

    @Test func wrongBytesAreNamedAndReplaced() async throws {
        let image = try TestImage()
        let registry = try FaultyRegistry(image)
        defer { withExtendedLifetime((image, registry)) {} }
        // A manifest that is not the one that was asked for.
        let pinned = "\(FaultyRegistry.host)/team/one@\(image.manifest.digest)"
        let client = try registry.client(["wrongmanifest"])
        let error = await failure { _ = try await pull(client, pinned) }
        guard case .servers(let errors)? = error,
            case .wrongDigest("the manifest", image.manifest.digest, let found, _) = errors[0]
        else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(found != image.manifest.digest && errors[0].description.contains(found.description))
        // A layer: the archive goes on with the right one, and the wrong server is not asked for the others.
        let mended = try await pull(registry.client(["wronglayer", "ok"])).archive
        #expect(try image.isIn(mended) && mended.names.count == 8)
        #expect(blobRequests(registry, "wronglayer").count == 2 && blobRequests(registry, "ok").count == 3)
        // Nobody else has it.
        let source = try await registry.client(["wronglayer"]).resolve(
            try ImageReference(parsing: Self.reference)
        )
        let archive = source.archive { _ in }
        let last = await failure { for try await _ in archive {} }
        #expect(last == archive.failure)
        guard case .servers(let all)? = last,
            case .wrongDigest("a layer", image.layers[0].digest, _, _)? = all.first
        else {
            Issue.record("\(String(describing: last))")
            return
        }
    }

    @Test func whatBreaksGoesOn() async throws {
        let image = try TestImage()
        let registry = try FaultyRegistry(image)
        defer { withExtendedLifetime((image, registry)) {} }
        /// Where requests for rests of the first layer began.
        func rests(_ mode: String) -> [Int64] {
            blobRequests(registry, mode).filter { $0[2].contains(image.layers[0].digest.hex) }.compactMap {
                $0[4].firstMatch(of: /^bytes=([0-9]+)-/).flatMap { Int64($0.1) }
            }
        }
        let half = image.layers[0].size / 2
        let archive = try await pull(registry.client(["cut"])).archive
        #expect(try image.isIn(archive) && archive.names.count == 7)
        #expect(rests("cut").count == 1 && rests("cut").allSatisfy { (1...half).contains($0) })
        // One server gives the first half of everything, and another one the rest.
        let joined = try await pull(registry.client(["half", "ok"])).archive
        #expect(try image.isIn(joined) && joined.names.count == 7)
        #expect(rests("ok").count == 1 && rests("ok").allSatisfy { (1...half).contains($0) })
        // One that says nothing is left.
        let patient = try registry.client(["stall", "ok"]) {
            ($0.idleTime, $0.tries) = (.milliseconds(300), 1)
        }
        #expect(try image.isIn(await pull(patient).archive))
    }

    @Test func tokens() async throws {
        let image = try TestImage(size: 1000)
        let registry = try FaultyRegistry(image)
        defer { withExtendedLifetime((image, registry)) {} }
        let worker = RegistryCredential.password(user: "worker", password: "correct horse")
        // A token is good for two requests; there are five.
        #expect(try image.isIn(await pull(registry.client(["bearer"], credential: worker)).archive))
        let tokens = registry.requests.filter { $0[2].hasPrefix("/token?") }
        #expect(tokens.count == 3)
        #expect(
            tokens[0][2].hasPrefix(
                "/token?a=b&service=the%20%22registry%22&scope=repository%3Ateam%2Fone%3Apull"
            )
        )
        #expect(registry.requests.contains { $0[3] == "Bearer token3" })
        // The password went to the tokens' server alone.
        #expect(
            registry.requests.filter { $0[3].hasPrefix("Basic") }.allSatisfy { $0[2].hasPrefix("/token?") }
        )
        let open = "\(FaultyRegistry.host)/public/one:1"
        #expect(try image.isIn(await pull(registry.client(["bearer"]), open).archive))
        let identity = RegistryCredential.identityToken("s3cret+token/=")
        let client = try registry.client(["identity"], credential: identity)
        #expect(try image.isIn(await pull(client).archive))
        #expect(!registry.requests.contains { $0.joined().contains("s3cret") })

        let server = "127.0.0.1:\(registry.port)"
        let wrong: [(RegistryCredential?, String?)] = [
            (nil, nil), (.password(user: "worker", password: "hunter2"), "worker"),
            (.identityToken("hunter2"), ""),
        ]
        for (credential, user) in wrong {
            let mode = credential == .identityToken("hunter2") ? "identity" : "bearer"
            let error = await failure { _ = try await pull(registry.client([mode], credential: credential)) }
            guard case .servers(let errors)? = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
            #expect(errors[0] == .refused(server: server, repository: "team/one", user: user))
            #expect(error?.description.contains("hunter2") == false)
        }
        // What is no place for a password.
        let error = await failure { _ = try await pull(registry.client(["norealm"], credential: worker)) }
        guard case .servers(let errors)? = error, case .authentication(server, _) = errors[0] else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func proxies() async throws {
        let image = try TestImage(size: 1000)
        let registry = try FaultyRegistry(image)
        defer { withExtendedLifetime((image, registry)) {} }
        var configuration = RegistryConfiguration(
            mirrors: [FaultyRegistry.host: ["http://mirror.invalid/ok"]],
            httpProxy: "http://127.0.0.1:\(registry.port)"
        )
        func pull() async throws -> ReadArchive {
            var limits = RegistryClient.limits
            limits.tries = 1
            let client = try RegistryClient(configuration: configuration, limits: limits)
            return try await self.pull(client).archive
        }
        #expect(try image.isIn(await pull()))
        let count = registry.requests.count
        // For https alone, and not for this host.
        (configuration.httpsProxy, configuration.httpProxy) = (configuration.httpProxy, nil)
        #expect(await failure { _ = try await pull() } != nil)
        (configuration.httpsProxy, configuration.httpProxy) = (nil, configuration.httpsProxy)
        configuration.noProxy = [".invalid"]
        #expect(await failure { _ = try await pull() } != nil)
        // Only what went to the registry itself, by https.
        #expect(registry.requests.dropFirst(count).allSatisfy { $0[1] == "CONNECT" })
        configuration.httpProxy = "ftp://proxy"
        guard case .configuration? = await failure({ _ = try await pull() }) else {
            Issue.record("a proxy that is none was taken")
            return
        }
    }

    @Test func redirectsLoseWhoIsAsking() async throws {
        let image = try TestImage(size: 1000)
        let registry = try FaultyRegistry(image)
        defer { withExtendedLifetime((image, registry)) {} }
        let worker = RegistryCredential.password(user: "worker", password: "correct horse")
        // To the same server they keep it.
        #expect(try image.isIn(await pull(registry.client(["basic"], credential: worker)).archive))
        #expect(registry.requests.contains { $0[2].hasPrefix("/basic/moved/") && $0[3].hasPrefix("Basic") })
        let client = try registry.client(["away"], credential: worker)
        #expect(try image.isIn(await pull(client).archive))
        let elsewhere = registry.requests.filter { $0[0] == "\(registry.otherPort)" }
        #expect(registry.requests.contains { $0[2].hasPrefix("/away/") && $0[3].hasPrefix("Basic") })
        #expect(elsewhere.count == 4 && elsewhere.allSatisfy { $0[3] == "-" })
    }

    @Test func imagesThatAreRefusedBeforeTheirLayersCome() async throws {
        let image = try TestImage(size: 1000)
        let registry = try FaultyRegistry(image)
        defer { withExtendedLifetime((image, registry)) {} }
        func put(_ manifest: ImageManifest) throws -> String {
            let descriptor = try image.add(manifest.json, MediaType.manifest)
            return "\(FaultyRegistry.host)/team/one@\(descriptor.digest)"
        }
        func error(_ reference: String) async throws -> ContainerImagesError? {
            await failure { _ = try await pull(registry.client(["ok"]), reference) }
        }
        let bytes = try Array(Data(contentsOf: URL(filePath: image.path(of: image.manifest))))
        let good = try ImageManifest(json: bytes)
        // Too long in all: nothing of it is fetched.
        var huge = good
        huge.layers[0].size = 16 << 30
        guard case .tooLarge(_, _, 17_179_869_184)? = try await error(put(huge)) else {
            Issue.record("an image of more than 16 GiB was taken")
            return
        }
        huge.layers[0].size = .max
        guard case .tooLarge? = try await error(put(huge)) else {
            Issue.record("an image of more than 16 GiB was taken")
            return
        }
        // For another machine, by its configuration and by an index.
        let config = try ImageConfig(
            json: Array(Data(contentsOf: URL(filePath: image.path(of: good.config))))
        )
        var foreign = config
        foreign.platform = Platform(architecture: "s390x")
        var other = good
        other.config = try image.add(foreign.json, MediaType.configuration)
        let reference = try put(other)
        #expect(
            try await error(reference)
                == .wrongPlatform(
                    reference: reference,
                    offered: ["linux/s390x"],
                    wanted: Platform.current.description
                )
        )
        var entries = [image.manifest, image.manifest]
        (entries[0].platform, entries[1].platform) = (Platform(architecture: "s390x"), .current)
        let multi = image.place.url.appending(path: "multi.json")
        try Data(ImageIndex(manifests: entries).json).write(to: multi)
        let (source, archive) = try await pull(
            registry.client(["ok"]),
            "\(FaultyRegistry.host)/team/one:index"
        )
        #expect(try image.isIn(archive) && source.digest != source.manifest.digest)
        #expect(source.manifest.digest == image.manifest.digest && source.manifest.platform == .current)
        try Data(ImageIndex(manifests: [entries[0]]).json).write(to: multi)
        guard case .wrongPlatform? = try await error("\(FaultyRegistry.host)/team/one:index") else {
            Issue.record("an index without this platform was taken")
            return
        }
        // A configuration that is not of these layers.
        var lacking = config
        lacking.diffIDs.removeLast()
        var uneven = good
        uneven.config = try image.add(lacking.json, MediaType.configuration)
        guard case .unusable? = try await error(put(uneven)) else {
            Issue.record("a configuration of fewer layers was taken")
            return
        }
        // None of their layers was asked for.
        #expect(blobRequests(registry, "ok").filter { $0[2].contains(image.layers[0].digest.hex) }.count == 1)
    }

    @Test func whoStopsReadingStopsTheServer() async throws {
        let image = try TestImage(size: 8_000_000)
        let registry = try FaultyRegistry(image)
        defer { withExtendedLifetime((image, registry)) {} }
        let source = try await registry.client(["ok"]).resolve(try ImageReference(parsing: Self.reference))
        for try await _ in source.archive(progress: { _ in }) { break }
        // A task that is cancelled while it waits for a server that says nothing.
        let stalled = try await registry.client(["stall"]).resolve(
            try ImageReference(parsing: Self.reference)
        )
        let archive = stalled.archive { _ in }
        let task = Task { for try await _ in archive {} }
        while blobRequests(registry, "stall").count < 2 { try await Task.sleep(for: .milliseconds(10)) }
        task.cancel()
        #expect(await failure { try await task.value } == .cancelled)
    }
}
