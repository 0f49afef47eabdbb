import HostAPI
import JSON
import Testing

@Suite("Server-sent events")
struct EventTests {
    @Test("one line of data each, whatever the text, and an empty line behind it")
    func lines() {
        let event = Event(id: 2, name: .health, data: ["text": "line\nline\r\n\u{2028}ü"])
        #expect(
            event.text == "id: 2\nevent: health\ndata: {\"text\":\"line\\nline\\r\\n\\u2028ü\"}\n\n"
        )
    }
}
