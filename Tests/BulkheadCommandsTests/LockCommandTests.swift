import ArgumentParser
import Testing
import VariantManifest

@testable import BulkheadCommands

@Suite struct LockCommandTests {
    @Test func packagesNeedUpdate() throws {
        #expect(throws: (any Error).self) { try LockCommand.parse(["vm-containerd", "openssl"]) }
        let command = try LockCommand.parse(["vm-containerd", "--update", "openssl"])
        #expect(command.packages == ["openssl"])
    }

    @Test func aContainerIsBuiltForAKnownArchitecture() throws {
        let command = try BuildContainerCommand.parse(["control", "--arch", "arm64", "--offline", "--locked"])
        #expect(command.container == "control" && command.common.locked && command.common.offline)
        #expect(try command.common.architecture() == .arm64)
        #expect(throws: (any Error).self) { try BuildContainerCommand.parse(["control", "--arch", "x86"]) }
        #expect(throws: (any Error).self) { try BuildContainerCommand.parse([]) }
        #expect(throws: (any Error).self) {
            try BuildContainerCommand.parse(["control", "--offline", "--mirror", "http://localhost/d"])
        }
        #expect(BuildContainerCommand.helpMessage().contains("bulkhead build-container control"))
    }

    @Test func anImageIsBuiltForAKnownArchitecture() throws {
        let command = try BuildCommand.parse(["vm-containerd", "--arch", "arm64", "--json"])
        #expect(try command.common.architecture() == .arm64 && command.common.json)
        #expect(try BuildCommand.parse(["vm-containerd"]).common.architecture() == nil)
        for arguments in [
            ["--arch", "x86"], ["--offline", "--mirror", "http://localhost/d"], ["--format", "iso"],
        ] {
            #expect(throws: (any Error).self) { try BuildCommand.parse(["vm-containerd"] + arguments) }
        }
    }

    @Test func aSecurityMirrorAloneIsWrongUsage() {
        #expect(throws: (any Error).self) {
            try LockCommand.parse(["v", "--security-mirror", "http://localhost/d"])
        }
    }

    @Test func helpHasAnExample() {
        #expect(LockCommand.helpMessage().contains("bulkhead lock vm-containerd --update openssl"))
    }
}
