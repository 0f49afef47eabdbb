import ArgumentParser
import Testing

@testable import BulkheadCommands

@Suite struct LockCommandTests {
    @Test func packagesNeedUpdate() throws {
        #expect(throws: (any Error).self) { try LockCommand.parse(["vm-containerd", "openssl"]) }
        let command = try LockCommand.parse(["vm-containerd", "--update", "openssl"])
        #expect(command.packages == ["openssl"])
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
