import Systemd
import Testing

@Suite struct JournalMessageTests {
    @Test func fieldsAreAssignments() throws {
        let message = try JournalMessage("it\nis", priority: .warning, fields: ["B_2": "x=y", "A": ""])
        #expect(message.entries == ["MESSAGE=it\nis", "PRIORITY=4", "A=", "B_2=x=y"])
        // Without journald nothing happens; with it, the message is taken.
        try message.send()
    }

    @Test(arguments: [
        "", "lower", "_UID", "1A", "A-B", "A=B", "A B", "É", "MESSAGE", "PRIORITY",
        String(repeating: "A", count: 65),
    ])
    func namesOfOthersAreRefused(name: String) {
        #expect(throws: SystemdError.journalField(name)) { try JournalMessage("x", fields: [name: "v"]) }
    }

    @Test func longValuesAreCut() throws {
        let long = String(repeating: "é", count: JournalMessage.maximumLength)
        let entries = try JournalMessage(long, fields: ["X": long]).entries
        #expect(entries.allSatisfy { $0.utf8.count < JournalMessage.maximumLength + 64 })
        try JournalMessage(long).send()
    }
}
