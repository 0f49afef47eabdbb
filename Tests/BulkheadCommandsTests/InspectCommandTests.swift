import ArgumentParser
import Testing

@testable import BulkheadCommands

@Suite struct InspectCommandTests {
    @Test func flagsAreRead() throws {
        let command = try InspectCommand.parse(["--quick", "--json", "build/x"])
        #expect(command.quick && command.json && !command.packages)
        #expect(command.path == "build/x")
    }

    @Test func aPathIsNeeded() {
        #expect(throws: (any Error).self) { try InspectCommand.parse([]) }
        #expect(throws: (any Error).self) { try DiffCommand.parse(["one"]) }
        #expect(throws: (any Error).self) { try DiffCommand.parse(["one", "two", "three"]) }
    }

    @Test func limitsOfListsAreChecked() throws {
        #expect(throws: (any Error).self) { try DiffCommand.parse(["a", "b", "--limit", "-1"]) }
        let command = try DiffCommand.parse(["a", "b", "--limit", "0", "--no-files"])
        #expect(command.limit == 0)
        #expect(!command.files)
        #expect(try DiffCommand.parse(["a", "b"]).limit == 40)
    }

    @Test func helpHasExamples() {
        #expect(InspectCommand.helpMessage().contains("bulkhead inspect disk.raw"))
        #expect(DiffCommand.helpMessage().contains("bulkhead diff --no-files old.raw new.raw"))
    }

    @Test func aPathThatIsNoImageIsAnErrorOfTheProgram() throws {
        let command = try InspectCommand.parse(["/dev/null/none"])
        #expect(throws: (any Error).self) { try command.run() }
    }
}
