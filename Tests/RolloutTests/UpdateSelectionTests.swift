import BootEntries
import Hashing
import Testing

@testable import Rollout

@Suite struct UpdateSelectionTests {
    private static let now: Int64 = 1_700_000_000

    private func release(
        _ version: String,
        variant: String = "vm",
        architecture: String = "amd64",
        opens: Int64? = nil,
        maximum: String? = nil,
        withdrawn: Bool = false
    ) throws -> Candidate {
        Candidate(
            variant: variant,
            architecture: architecture,
            version: UAPIVersion(version),
            rootHash: SHA256Digest(hashing: version),
            waves: try opens.map { try WaveTable([.init(seed: 0, time: $0)]) } ?? .open,
            maxVersion: maximum.map(UAPIVersion.init),
            isWithdrawn: withdrawn
        )
    }

    private func choose(
        _ candidates: [Candidate],
        running: String = "1.0.0",
        change: (inout UpdatePolicy) -> Void = { _ in }
    ) throws -> UpdateDecision {
        var policy = UpdatePolicy(
            variant: "vm",
            architecture: "amd64",
            running: UAPIVersion(running),
            seed: 1000
        )
        change(&policy)
        // The order of a repository means nothing.
        let forward = try UpdateSelection.choose(from: candidates, policy: policy, now: Self.now)
        let backward = try UpdateSelection.choose(from: candidates.reversed(), policy: policy, now: Self.now)
        #expect(forward == backward)
        return forward
    }

    private func version(_ decision: UpdateDecision) -> String? {
        guard case .take(let candidate) = decision else { return nil }
        return candidate.version.text
    }

    @Test func theNewestIsTaken() throws {
        let all = try ["1.0.0", "1.9.0", "1.10.0", "1.2.0"].map { try release($0) }
        #expect(version(try choose(all)) == "1.10.0")
        #expect(try choose(all, running: "1.10.0") == .none(.upToDate(running: UAPIVersion("1.10.0"))))
    }

    @Test func aPreReleaseIsOlderAsTheBootLoaderOrdersIt() throws {
        let all = try [release("2.0.0~rc1"), release("2.0.0")]
        #expect(version(try choose(all, running: "2.0.0~rc1")) == "2.0.0")
        #expect(try choose(all, running: "2.0.0") == .none(.upToDate(running: UAPIVersion("2.0.0"))))
    }

    @Test func otherVariantsAndArchitecturesDoNotCount() throws {
        let all = try [release("2.0.0", variant: "metal"), release("2.0.0", architecture: "arm64")]
        #expect(try choose(all) == .none(.noReleases(variant: "vm", architecture: "amd64")))
        #expect(version(try choose(all + [release("1.1.0")])) == "1.1.0")
    }

    @Test func beforeItsWaveAnOlderOneIsTakenOrTheTimeIsSaid() throws {
        let later = try release("1.2.0", opens: Self.now + 60)
        #expect(version(try choose([later, release("1.1.0")])) == "1.1.0")
        #expect(try choose([later]) == .none(.waveNotOpen(UAPIVersion("1.2.0"), opens: Self.now + 60)))
        #expect(version(try choose([later]) { $0.ignoresWaves = true }) == "1.2.0")
        #expect(version(try choose([release("1.2.0", opens: Self.now)])) == "1.2.0")
    }

    @Test func aLockHoldsTheHost() throws {
        let all = try ["1.0.0", "1.1.0", "1.2.0"].map { try release($0) }
        #expect(version(try choose(all) { $0.versionLock = UAPIVersion("1.1.0") }) == "1.1.0")
        #expect(
            try choose(all) { $0.versionLock = UAPIVersion("1.0.0") }
                == .none(.alreadyRunning(UAPIVersion("1.0.0")))
        )
        #expect(
            try choose(all) { $0.versionLock = UAPIVersion("3.0.0") }
                == .none(.noSuchVersion(UAPIVersion("3.0.0"), wish: .lock))
        )
        #expect(
            try choose(all, running: "1.2.0") { $0.versionLock = UAPIVersion("1.1.0") }
                == .none(.older(UAPIVersion("1.1.0"), running: UAPIVersion("1.2.0")))
        )
    }

    @Test func aRequestComesBeforeALock() throws {
        let all = try ["1.1.0", "1.2.0"].map { try release($0) }
        let decision = try choose(all) {
            $0.versionLock = UAPIVersion("1.1.0")
            $0.requested = UAPIVersion("1.2.0")
        }
        #expect(version(decision) == "1.2.0")
        #expect(
            try choose(all) { $0.requested = UAPIVersion("7.0.0") }
                == .none(.noSuchVersion(UAPIVersion("7.0.0"), wish: .request))
        )
    }

    @Test func whatFailedHereIsNotTakenUnlessAskedFor() throws {
        let failed: (inout UpdatePolicy) -> Void = { $0.failedVersions = [UAPIVersion("1.1.0")] }
        let bad = try release("1.1.0")
        #expect(try choose([bad], change: failed) == .none(.failedHere(UAPIVersion("1.1.0"))))
        #expect(version(try choose([bad, release("1.1.1")], change: failed)) == "1.1.1")
        #expect(
            try choose([bad]) {
                failed(&$0)
                $0.versionLock = UAPIVersion("1.1.0")
            } == .none(.failedHere(UAPIVersion("1.1.0")))
        )
        #expect(
            version(
                try choose([bad]) {
                    failed(&$0)
                    $0.requested = UAPIVersion("1.1.0")
                }
            ) == "1.1.0"
        )
    }

    @Test func whatWasWithdrawnIsNotTaken() throws {
        let bad = try release("1.1.0", withdrawn: true)
        #expect(try choose([bad]) == .none(.withdrawn(UAPIVersion("1.1.0"))))
        #expect(
            try choose([bad]) { $0.requested = UAPIVersion("1.1.0") }
                == .none(.withdrawn(UAPIVersion("1.1.0")))
        )
        #expect(version(try choose([bad, release("1.0.5")])) == "1.0.5")
    }

    @Test func aMaximumHidesWhatIsAbove() throws {
        let high = try release("1.2.0", maximum: "1.1.0")
        #expect(
            try choose([high])
                == .none(.aboveMaximum(UAPIVersion("1.2.0"), maximum: UAPIVersion("1.1.0")))
        )
        #expect(version(try choose([high, release("1.1.0", maximum: "1.1.0")])) == "1.1.0")
    }

    @Test(arguments: [true, false])
    func aHostNeverGoesBackAndSaysSoWhereItsReleaseWasRecalled(_ byMaximum: Bool) throws {
        let bad = try byMaximum ? release("1.2.0", maximum: "1.1.0") : release("1.2.0", withdrawn: true)
        let all = try [bad, release("1.1.0"), release("1.0.0")]
        func older(_ version: String) -> UpdateDecision {
            .none(.downgradeNotAllowed(running: UAPIVersion("1.2.0"), to: UAPIVersion(version)))
        }
        #expect(try choose(all, running: "1.2.0") == older("1.1.0"))
        // A newer one is the way out.
        #expect(version(try choose(all + [release("1.3.0")], running: "1.2.0")) == "1.3.0")
        #expect(
            try choose(all, running: "1.2.0") { $0.failedVersions = [UAPIVersion("1.1.0")] } == older("1.0.0")
        )
        #expect(
            try choose(all, running: "1.2.0") { $0.requested = UAPIVersion("1.0.0") } == older("1.0.0")
        )
        #expect(
            try choose([bad], running: "1.2.0") == .none(.nothingToReturnTo(running: UAPIVersion("1.2.0")))
        )
        // What was not recalled is kept.
        let kept = try [release("1.2.0"), release("1.1.0")]
        #expect(try choose(kept, running: "1.2.0") == .none(.upToDate(running: UAPIVersion("1.2.0"))))
        #expect(
            try choose(kept, running: "1.2.0") { $0.requested = UAPIVersion("1.1.0") }
                == .none(.older(UAPIVersion("1.1.0"), running: UAPIVersion("1.2.0")))
        )
    }

    @Test func everyReasonNamesTheVersion() throws {
        let version = UAPIVersion("1.2.3")
        let reasons: [NoUpdateReason] = [
            .upToDate(running: version), .alreadyRunning(version), .noSuchVersion(version, wish: .lock),
            .noSuchVersion(version, wish: .request), .waveNotOpen(version, opens: 1), .failedHere(version),
            .withdrawn(version), .aboveMaximum(version, maximum: version), .older(version, running: version),
            .downgradeNotAllowed(running: version, to: version), .nothingToReturnTo(running: version),
        ]
        for reason in reasons { #expect(reason.description.contains("1.2.3")) }
        #expect(Set(reasons.map(\.description)).count == reasons.count)
    }
}
