import HostAPI
import JSON
import Testing

@testable import HostAPIClient

@Suite struct ServerSentEventTests {
    private static let stream = """
        \u{feff}: a comment\r
        id: 7\r
        event: commit\r
        data: {"a":1}\r
        \r
        data:first\rdata:  second\r\rretry: 10
        unknown: x
        data

        id
        event: nothing

        id: bad\u{0}id
        data: last

        data: not complete
        """

    private static let events = [
        ServerSentEvent(id: "7", name: "commit", data: #"{"a":1}"#),
        ServerSentEvent(id: "7", data: "first\n second"),
        ServerSentEvent(id: "7", data: ""),
        ServerSentEvent(id: "", data: "last"),
    ]

    @Test func readsAWholeStream() throws {
        var parser = ServerSentEventParser()
        #expect(try parser.read(Self.stream.utf8) == Self.events)
    }

    @Test func piecesMayEndAnywhere() throws {
        let bytes = Array(Self.stream.utf8)
        for cut in bytes.indices {
            var parser = ServerSentEventParser()
            let events = try parser.read(bytes[..<cut]) + parser.read(bytes[cut...])
            #expect(events == Self.events, "cut before byte \(cut)")
        }
        var parser = ServerSentEventParser()
        var events: [ServerSentEvent] = []
        for byte in bytes { events += try parser.read([byte]) }
        #expect(events == Self.events)
    }

    @Test func whatTheServerWritesIsRead() throws {
        let events = [
            Event(id: 1, name: .commit, data: ["generation": 2, "changed": ["settings.motd"]]),
            Event(id: 2, name: .health, data: ["text": "line\nline\r\n\u{2028}ü"]),
            Event(id: .max, name: .update, data: nil),
        ]
        let stream = Event.keepAlive + events.map(\.text).joined(separator: Event.keepAlive)
        var parser = ServerSentEventParser()
        let found = try parser.read(stream.utf8)
        #expect(found.map(\.id) == events.map { "\($0.id)" })
        #expect(found.map(\.name) == events.map(\.name.rawValue))
        #expect(found.map(\.json) == events.map(\.data))
    }

    @Test func lengthIsBounded() throws {
        var parser = ServerSentEventParser()
        let long = [UInt8](repeating: 0x61, count: ServerSentEventParser.maximumLength)
        #expect(try parser.read(long).isEmpty)
        #expect(throws: ServerSentEventParser.TooLong()) { try parser.read([0x61]) }

        var lines = ServerSentEventParser()
        let line = "data:" + String(repeating: "x", count: 1 << 20) + "\n"
        #expect(throws: ServerSentEventParser.TooLong()) {
            for _ in 0..<5 { _ = try lines.read(line.utf8) }
        }
    }

    @Test func dataAsJSON() {
        #expect(ServerSentEvent(data: "[1]").json == [1])
        #expect(ServerSentEvent(data: "[1").json == nil)
    }
}
