import Foundation
import TestSupport
import Testing

@testable import Debian

@Suite(.timeLimit(.minutes(3)))
struct AptResolverTests {
    @Test func theClosureIsChosenWithTheFactsOfEachPackage() async throws {
        let archive = try TestArchive()
        try archive.add(
            "app",
            "2:1.0~rc1-1+b2",
            fields: [
                "Depends": "lib1 (>= 1.0), virtual-thing", "Recommends": "extra", "Section": "admin",
                "Installed-Size": "77", "Source": "app-source (2:1.0~rc1-1)",
            ]
        )
        try archive.add("lib1", "1.0-1")
        try archive.add("lib1", "1.0-1+deb13u1", suite: "trixie-security")
        try archive.add(
            "provider",
            "5",
            architecture: "all",
            suite: "trixie-updates",
            fields: ["Provides": "virtual-thing"]
        )
        try archive.add("extra", "1")
        try archive.add("unrelated", "1")
        try archive.publish()
        let resolver = try archive.resolver()
        try await resolver.update()
        let packages = try await resolver.resolve(["app", "app"])
        #expect(packages.map(\.title) == ["app 2:1.0~rc1-1+b2", "lib1 1.0-1+deb13u1", "provider 5"])
        #expect(packages.map(\.archive) == [.debian, .debianSecurity, .debian])
        #expect(packages.map(\.architecture) == ["amd64", "amd64", "all"])
        let app = try #require(packages.first)
        #expect(app.source == "app-source" && app.sourceVersion == "2:1.0~rc1-1")
        #expect(app.section == "admin" && app.installedSize == 77)
        #expect(app.filename == "pool/trixie/main/app_1.0~rc1-1+b2_amd64.deb")
        #expect(try app == #require(archive.packages().first { $0.name == "app" }))
        #expect(packages[1].source == "lib1" && packages[1].sourceVersion == "1.0-1+deb13u1")
        #expect(try await resolver.resolve([]) == [])
    }

    @Test func suitesNotAskedForAreNotSeen() async throws {
        let archive = try TestArchive()
        try archive.add("lib1", "1.0-1")
        try archive.add("lib1", "1.0-2", suite: "trixie-security")
        try archive.publish()
        let resolver = try archive.resolver(suites: AptSuites(suites: ["trixie"]))
        try await resolver.update()
        #expect(try await resolver.resolve(["lib1"]).map(\.version) == ["1.0-1"])
    }

    @Test func packagesOfAnotherArchitectureAreChosen() async throws {
        let archive = try TestArchive()
        for architecture in ["amd64", "arm64"] {
            try archive.add(
                "app",
                "1-\(architecture)",
                architecture: architecture,
                fields: ["Depends": "data"]
            )
        }
        try archive.add("data", "1", architecture: "all")
        try archive.publish(architectures: ["amd64", "arm64"])
        for architecture in ["amd64", "arm64"] {
            let resolver = try archive.resolver(architecture: architecture)
            try await resolver.update()
            let packages = try await resolver.resolve(["app"])
            #expect(packages.map(\.title) == ["app 1-\(architecture)", "data 1"])
            #expect(packages.map(\.architecture) == [architecture, "all"])
        }
    }

    @Test func keptVersionsStayUntilTheyVanishOrAreReleased() async throws {
        let archive = try TestArchive()
        let tied = ["Depends": "libapp (= ${v}), other", "Source": "app-source"]
        func addApp(_ version: String) throws {
            try archive.add("app", version, fields: tied.mapValues { $0.replacing("${v}", with: version) })
            try archive.add("libapp", version, fields: ["Source": "app-source"])
        }
        try addApp("1.0")
        try archive.add("other", "1.0")
        try archive.publish()
        let resolver = try archive.resolver()
        try await resolver.update()
        let first = try await resolver.resolve(["app"])
        #expect(first.map(\.title) == ["app 1.0", "libapp 1.0", "other 1.0"])

        try addApp("2.0")
        try archive.add("other", "2.0")
        try archive.publish()
        try await resolver.update()
        let kept = try await resolver.resolve(["app"], keeping: first)
        #expect(kept == first)
        // The library moves along: it is built from the same source.
        let released = try await resolver.resolve(["app"], keeping: first, releasing: ["app"])
        #expect(released.map(\.title) == ["app 2.0", "libapp 2.0", "other 1.0"])
        let free = try await resolver.resolve(["app"])
        #expect(free.map(\.title) == ["app 2.0", "libapp 2.0", "other 2.0"])

        try archive.remove("app", "1.0")
        try archive.publish()
        try await resolver.update()
        // The kept library would make the new program impossible: it moves along, and nothing else does.
        let moved = try await resolver.resolve(["app"], keeping: first) { Issue.record("\($0)") }
        #expect(moved.map(\.title) == ["app 2.0", "libapp 2.0", "other 1.0"])

        try archive.remove("libapp", "1.0")
        try archive.publish()
        try await resolver.update()
        let vanished = try await resolver.resolve(["app"], keeping: first)
        #expect(vanished.map(\.title) == ["app 2.0", "libapp 2.0", "other 1.0"])
    }

    @Test func whatAMovedPackageNeedsMovesBeforeEverythingDoes() async throws {
        let archive = try TestArchive()
        for name in ["app", "far", "library", "other"] { try archive.add(name, "1.0") }
        try archive.publish()
        let resolver = try archive.resolver()
        try await resolver.update()
        let names = ["app", "far", "library", "other"]
        let first = try await resolver.resolve(names)

        // The new program needs a newer library, of another source.
        try archive.remove("app", "1.0")
        try archive.add("app", "2.0", fields: ["Depends": "library (>= 2.0)"])
        for name in ["far", "library", "other"] { try archive.add(name, "2.0") }
        try archive.publish()
        try await resolver.update()
        let moved = try await resolver.resolve(names, keeping: first) { Issue.record("\($0)") }
        #expect(moved.map(\.title) == ["app 2.0", "far 1.0", "library 2.0", "other 1.0"])

        // Two steps away is too far: now everything moves, and it is said.
        try archive.remove("library", "2.0")
        try archive.add("library", "3.0", fields: ["Depends": "middle"])
        try archive.add("middle", "3.0", fields: ["Depends": "far (>= 2.0)"])
        try archive.publish()
        try await resolver.update()
        var notes: [String] = []
        let everything = try await resolver.resolve(names, keeping: first) { notes.append($0) }
        #expect(everything.map(\.version) == ["2.0", "2.0", "3.0", "3.0", "2.0"])
        #expect(notes.count == 1)
    }

    @Test func aKeptVersionMayBeOlderThanTheCandidate() async throws {
        let archive = try TestArchive()
        try archive.add("app", "1.0")
        try archive.add("app", "1.0+deb13u1", suite: "trixie-security")
        try archive.publish()
        let resolver = try archive.resolver()
        try await resolver.update()
        let old = try archive.packages()
        #expect(try await resolver.resolve(["app"], keeping: old).map(\.version) == ["1.0"])
    }

    @Test func requestsThatCannotBeMetAreExplained() async throws {
        let archive = try TestArchive()
        try archive.add("broken", "1", fields: ["Depends": "missing-library (>= 3)"])
        try archive.add("user", "1", fields: ["Depends": "phantom"])
        try archive.publish()
        let resolver = try archive.resolver()
        try await resolver.update()
        let unknown = await #expect(throws: AptError.self) {
            try await resolver.resolve(["broken", "nothing-b", "nothing-a", "phantom"])
        }
        #expect(
            unknown
                == .unknownPackages(
                    ["nothing-a", "nothing-b", "phantom"],
                    suites: AptSuites.trixie.suites,
                    architecture: "amd64"
                )
        )
        let unmet = await #expect(throws: AptError.self) { try await resolver.resolve(["broken"]) }
        guard case .unsatisfiable(let message) = unmet else {
            Issue.record("another error: \(String(describing: unmet))")
            return
        }
        #expect(message.contains("broken : Depends: missing-library (>= 3)"))
        for bad in ["", "A", "a b", "app=1", "app/trixie", "-oDebug::x=1", "app+", "a"] {
            await #expect(throws: AptError.self) { try await resolver.resolve([bad, "x/y"]) }
        }
    }

    @Test func aSuiteTheMirrorLacksIsNamed() async throws {
        let archive = try TestArchive()
        try archive.add("app", "1")
        try archive.publish(["trixie"])
        let error = await #expect(throws: AptError.self) { try await archive.resolver().update() }
        guard case .suiteMissing(let message) = error else {
            Issue.record("another error: \(String(describing: error))")
            return
        }
        #expect(message.contains("trixie-updates"))
    }

    @Test func aMirrorThatDoesNotAnswerIsNamed() async throws {
        let archive = try TestArchive()
        let server = try LoopbackServer(archive.directory.path)
        let address = server.address
        server.stop()
        let resolver = try AptResolver(
            archives: AptArchives(mirror: "\(address)/debian", trust: .unsigned),
            suites: AptSuites(suites: ["trixie"]),
            architecture: "amd64",
            stateDirectory: archive.directory.file("state")
        )
        let error = await #expect(throws: AptError.self) { try await resolver.update() }
        guard case .unreachable(let message) = error else {
            Issue.record("another error: \(String(describing: error))")
            return
        }
        #expect(message.contains(address))
    }

    @Test func listsAreFetchedOverHTTP() async throws {
        let archive = try TestArchive()
        try archive.add("app", "1:1.0~b+c")
        try archive.publish()
        let server = try LoopbackServer(archive.directory.path)
        let resolver = try AptResolver(
            archives: AptArchives(mirror: "\(server.address)/debian/", trust: .unsigned),
            architecture: "amd64",
            stateDirectory: archive.directory.file("state dir")
        )
        try await resolver.update()
        #expect(try await resolver.resolve(["app"]) == archive.packages())
    }

    @Test func onlyTheRightSignatureIsAccepted() async throws {
        let archive = try TestArchive()
        let signer = try TestSigner(in: archive.directory, name: "archive")
        let stranger = try TestSigner(in: archive.directory, name: "stranger")
        try archive.add("app", "1")
        let suites = try AptSuites(suites: ["trixie"])
        let resolver = try archive.resolver(.signedBy(signer.keyring), suites: suites)

        try archive.publish(["trixie"], signer: signer)
        try await resolver.update()
        #expect(try await resolver.resolve(["app"]).map(\.title) == ["app 1"])

        try archive.add("app", "2")
        try archive.publish(["trixie"], signer: stranger)
        await expectUntrusted { try await resolver.update() }
        try archive.publish(["trixie"])
        await expectUntrusted { try await resolver.update() }
        // What was not signed has left no trace.
        #expect(try await resolver.resolve(["app"]).map(\.title) == ["app 1"])

        try archive.publish(["trixie"], signer: signer) { $0.replacing("Version: 2", with: "Version: 3") }
        await expectUntrusted { try await resolver.update() }

        let missing = try archive.resolver(.signedBy(archive.directory.file("none.gpg")), suites: suites)
        let error = await #expect(throws: AptError.self) { try await missing.update() }
        #expect(error == .keyringMissing(path: archive.directory.file("none.gpg")))
    }

    private func expectUntrusted(_ body: () async throws -> Void) async {
        let error = await #expect(throws: AptError.self) { try await body() }
        guard case .untrusted = error else {
            Issue.record("another error: \(String(describing: error))")
            return
        }
    }

    @Test func resolversShareAStateDirectory() async throws {
        let archive = try TestArchive()
        for name in ["aa", "bb", "cc", "dd"] { try archive.add(name, "1") }
        try archive.publish()
        let resolver = try archive.resolver()
        let names = try await withThrowingTaskGroup(of: [String].self) { group in
            for name in ["aa", "bb", "cc", "dd"] {
                group.addTask {
                    try await resolver.update()
                    return try await resolver.resolve([name]).map(\.name)
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(names.sorted() == ["aa", "bb", "cc", "dd"])
    }

    @Test func theConfigurationLeavesNoWayOut() throws {
        let archives = try AptArchives(mirror: "https://m.example/debian")
        let configuration = AptConfiguration(archives: archives, suites: .trixie, architecture: "arm64")
        #expect(
            configuration.sources == """
                Types: deb
                URIs: https://m.example/debian
                Suites: trixie trixie-updates
                Components: main
                Architectures: arm64
                Targets: Packages
                Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

                Types: deb
                URIs: https://m.example/debian-security
                Suites: trixie-security
                Components: main
                Architectures: arm64
                Targets: Packages
                Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

                """
        )
        for bad in ["", "all", "AMD", "a;b", "a b"] {
            #expect(throws: AptError.self) {
                try AptResolver(archives: archives, architecture: bad, stateDirectory: "/tmp/x")
            }
        }
        #expect(throws: AptError.self) {
            try AptResolver(archives: archives, architecture: "amd64", stateDirectory: "/tmp/x\";Dir \"/")
        }
    }
}
