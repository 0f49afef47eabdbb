import BootEntries
import Foundation
import Rollout
import TUF
import TestSupport
import Testing

@testable import ReleaseRepository

@Suite struct MaximumVersionTests {
    private func maxima(_ site: Site) throws -> [String: String] {
        let contents = try RepositoryContents(reading: FolderStorage(site.repository, forWriting: false))
        var maxima: [String: String] = [:]
        for release in try RepositoryContents.releases(of: contents.targets.signed) {
            maxima["\(release.variant) \(release.version)"] = release.maxVersion?.text ?? "none"
        }
        return maxima
    }

    @Test func theNewestVersionHoldsForLaterReleasesToo() async throws {
        let site = try await Site.make()
        _ = try await site.open().publish([site.build("1.1.0"), site.build("1.2.0")], waves: .open)
        _ = try await site.open().publish([site.build("1.2.0")], waves: .open, maximum: .version("1.1.0"))
        _ = try await site.open().publish(
            [site.build("1.3.0"), site.build("1.0.0", variant: "metal")],
            waves: .open
        )
        #expect(
            try maxima(site) == [
                "vm 1.1.0": "1.1.0", "vm 1.2.0": "1.1.0", "vm 1.3.0": "1.1.0", "metal 1.0.0": "none",
            ]
        )
        #expect(try site.verify().releases.filter(\.isRecalled).count == 2)
        // Publishing again changes nothing of it; taking it away, for this variant only, does.
        #expect(try await site.open().publish([site.build("1.3.0")], waves: .open) == Publication())
        #expect(try maxima(site)["vm 1.3.0"] == "1.1.0")
        _ = try await site.open().publish([site.build("1.3.0")], waves: .open, maximum: .removed)
        #expect(Set(try maxima(site).values) == ["none"])
    }

    @Test func aNewReleaseMayBeTheNewestVersionItself() async throws {
        let site = try await Site.make()
        _ = try await site.open().publish([site.build("1.0.0")], waves: .open)
        _ = try await site.open().publish(
            [site.build("1.1.0")],
            waves: .open,
            maximum: .version("1.1.0")
        )
        #expect(try maxima(site) == ["vm 1.0.0": "1.1.0", "vm 1.1.0": "1.1.0"])
    }

    @Test func theNewestVersionIsOneThatHostsCanTake() async throws {
        let site = try await Site.make()
        _ = try await site.open().publish(
            [site.build("1.0.0"), site.build("1.1.0"), site.build("2.0.0", variant: "metal")],
            waves: .open
        )
        _ = try await site.open().withdraw("vm/amd64/1.0.0")
        let before = try site.files()
        for wrong in ["0.1", "1.0.0", "2.0.0", "9", "../1"] {
            await #expect {
                _ = try await site.open().publish(
                    [site.build("1.1.0")],
                    waves: .open,
                    maximum: .version(wrong)
                )
            } throws: {
                "\($0)".contains("'\(wrong)'") && "\($0)".contains("1.1.0")
            }
        }
        #expect(try site.files() == before)
    }
}
