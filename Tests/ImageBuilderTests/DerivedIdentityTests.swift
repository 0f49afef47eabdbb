import GPT
import Hashing
import Testing

@testable import ImageBuilder

@Suite struct DerivedIdentityTests {
    private let first = DerivedIdentity(variant: "vm", architecture: "amd64", version: "1.0")
    private let second = DerivedIdentity(variant: "vm", architecture: "amd64", version: "1.1")

    @Test func whatUpdatesRelyOnIsTheSameForAllVersions() {
        #expect(first.veritySalt == second.veritySalt)
        #expect(first.verityUUID == second.verityUUID)
        #expect(first.erofsUUID == second.erofsUUID)
    }

    @Test func disksOfTwoVersionsDiffer() {
        #expect(first.diskGUID != second.diskGUID)
        #expect(first.espGUID != second.espGUID)
        #expect(first.espVolumeID != second.espVolumeID)
    }

    @Test func partsCannotRunIntoEachOther() {
        let one = DerivedIdentity(variant: "ab", architecture: "c", version: "1")
        let other = DerivedIdentity(variant: "a", architecture: "bc", version: "1")
        #expect(one.veritySalt != other.veritySalt)
    }

    @Test func slotGUIDsAreTheHalvesOfTheRootHash() throws {
        let hash = try #require(
            SHA256Digest(hex: "35d133e0e70a1163b753654c2cf15b22e486d48f0c23f51a5bdf56c00708be67")
        )
        let guids = DerivedIdentity.slotGUIDs(rootHash: hash)
        #expect(guids.root.description == "35d133e0-e70a-1163-b753-654c2cf15b22")
        #expect(guids.verity.description == "e486d48f-0c23-f51a-5bdf-56c00708be67")
    }
}
