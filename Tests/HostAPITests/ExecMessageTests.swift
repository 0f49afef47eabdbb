import HostAPI
import JSON
import Testing

/// The text messages, in the exact form that Bottlerocket's client and server write.
@Suite struct MessageTests {
    @Test func formsOfBottlerocket() throws {
        let initialize = ExecClientMessage.initialize(
            .init(
                command: ["sh", "-c"],
                target: "admin",
                terminal: ExecTerminal(size: ExecTerminalSize(rows: 24, columns: 80))
            )
        )
        let bytes = #"""
            {"Initialize":{"command":[{"Unix":[115,104]},{"Unix":[45,99]}],"target":"admin","tty":{"size":{"rows":24,"cols":80}}}}
            """#
        #expect(try ExecClientMessage(json: JSONValue(parsing: bytes)) == initialize)
        #expect(
            initialize.json.description
                == #"{"Initialize":{"command":["sh","-c"],"target":"admin","tty":{"size":{"cols":80,"rows":24}}}}"#
        )
        let plain = #"{"Initialize":{"command":["ls"],"target":"control","tty":null}}"#
        #expect(try ExecClientMessage(json: JSONValue(parsing: plain)).json.description == plain)
        let sizeless = #"{"Initialize":{"command":["ls"],"target":"control","tty":{"size":null}}}"#
        #expect(try ExecClientMessage(json: JSONValue(parsing: sizeless)).json.description == sizeless)
        #expect(ExecClientMessage.contentComplete.json.description == #""ContentComplete""#)
        #expect(
            ExecClientMessage.resize(.init(rows: 1, columns: 2)).json.description
                == #"{"Winch":{"cols":2,"rows":1}}"#
        )
        let capacity = ExecServerMessage.capacity(outstanding: 1024, written: 128)
        #expect(
            capacity.json.description
                == #"{"Capacity":{"max_messages_outstanding":1024,"messages_written":128}}"#
        )
    }

    @Test(
        "what is written is read again",
        arguments: [
            ExecServerMessage.capacity(outstanding: 1, written: UInt64(Int64.max)),
            .error(Problem(status: 404, detail: "no container")),
        ]
    )
    func serverMessages(message: ExecServerMessage) throws {
        #expect(try ExecServerMessage(json: message.json) == message)
    }
}
