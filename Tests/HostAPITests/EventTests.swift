import HostAPI
import JSON
import Testing

@Suite("Server-sent events")
struct EventTests {
    static let events = [
        Event(id: 1, name: .commit, data: ["generation": 2, "changed": ["settings.motd"]]),
        Event(id: 2, name: .health, data: ["text": "line\nline\r\n\u{2028}ü"]),
        Event(id: .max, name: .update, data: nil),
    ]

    @Test("are read as they were written, however the stream is cut", arguments: [1, 2, 3, 7, 1000])
    func roundTrip(size: Int) {
        let bytes = Array((Event.keepAlive + Self.events.map(\.text).joined(separator: Event.keepAlive)).utf8)
        var parser = EventParser()
        var found: [Event] = []
        for start in stride(from: 0, to: bytes.count, by: size) {
            found += parser.read(bytes[start..<min(start + size, bytes.count)])
        }
        #expect(found == Self.events)
    }

    @Test("one line of data each, whatever the text")
    func lines() {
        #expect(Self.events[1].text.split(separator: "\n").count == 3)
        #expect(Self.events[0].text.hasSuffix("\n\n"))
    }

    @Test("broken and unknown events are passed over")
    func broken() {
        var parser = EventParser()
        let stream =
            "event: commit\ndata: {\n\nevent: other\ndata: 1\n\ndata: 1\n\nevent: apply\n\n"
            + "retry: 5\nid: x\nid: 9\r\nevent:trial\r\ndata: [1,\r\ndata: 2]\r\n\r\n"
        #expect(parser.read(Array(stream.utf8)) == [Event(id: 9, name: .trial, data: [1, 2])])
    }

    @Test("a line without end is not kept")
    func endless() {
        var parser = EventParser()
        let piece = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 18)
        for _ in 0..<12 { #expect(parser.read(piece).isEmpty) }
        #expect(parser.read(Array("\nevent: commit\ndata: 1\n\n".utf8)).count == 1)
    }
}
