import ContainerExec
import Foundation
import HostAPI
import NIOCore
import TestSupport
import Testing

/// Sessions as clients see them, over real processes.
@Suite(.enabled(if: WebSockets.python != nil, WebSockets.skipReason))
struct SessionTests {
    let runner = LocalRunner()

    private func run(_ program: String, limits: ExecLimits = ExecLimits()) async throws {
        try await withHost(runner, limits: limits) { host in
            try await WebSockets.run(program, on: host.socket)
            #expect(await host.isQuiet(), "\(host.service.sessions) \(host.leftovers)")
            #expect(runner.running == [])
        }
    }

    @Test("Bottlerocket's client: its own form of commands, one stream, the status in the closing message")
    func bottlerocket() async throws {
        try await run(
            """
            ws = connect()
            start(ws, [{"Unix": list(part.encode())} for part in ["sh", "-c", "echo out; echo err >&2; cat; exit 7"]])
            ws.send(b"hello ")
            ws.send(b"w\\xc3\\xb6rld")
            ws.send(json.dumps("ContentComplete"))
            ws.send(b"dropped")
            data, texts, code, reason = finish(ws)
            assert (code, reason) == (1000, "7"), (code, reason)
            all = b"".join(data)
            # Each stream keeps its order; where the other one's bytes come in between is not promised (docs/api.md).
            assert all.replace(b"err\\n", b"", 1) == b"out\\nhello w\\xc3\\xb6rld", all
            ws = connect()
            sh(ws, "kill -9 $$")
            assert finish(ws)[2:] == (1000, "137")
            """
        )
    }

    @Test("new clients: streams apart, and errors before the start as problems")
    func streams() async throws {
        try await run(
            """
            ws = connect(True)
            assert ws.subprotocol == "bulkhead.exec.v1"
            sh(ws, "echo out; echo err >&2; cat >&2")
            ws.send(b"\\0in")
            ws.send(json.dumps("ContentComplete"))
            data, texts, code, reason = finish(ws)
            assert (code, reason) == (1000, "0"), (code, reason)
            assert b"".join(d[1:] for d in data if d[0] == 1) == b"out\\n", data
            assert b"".join(d[1:] for d in data if d[0] == 2) == b"err\\nin", data
            for target, command, status in [("nobody", ["ls"], 404), ("local", ["/no/such/program"], 422)]:
                ws = connect(True)
                start(ws, command, target=target)
                data, texts, code, reason = finish(ws)
                problem = json.loads(texts[0])["Error"]
                assert code == 1011 and problem["status"] == status and target in problem["detail"], texts
            ws = connect()
            start(ws, ["ls"], target="nobody")
            data, texts, code, reason = finish(ws)
            assert code == 1011 and "nobody" in reason and not texts and not data, (code, reason)
            """
        )
    }

    @Test("a child that keeps the output open does not keep the session open")
    func grandchild() async throws {
        var limits = ExecLimits()
        limits.quiet = .milliseconds(500)
        try await run(
            """
            ws = connect()
            sh(ws, "sleep 30 & echo hi")
            data, texts, code, reason = finish(ws)
            assert (data, code, reason) == ([b"hi\\n"], 1000, "0"), (data, code, reason)
            """,
            limits: limits
        )
    }

    @Test("input: told after every 128 messages, never more than 1024 outstanding, in order, with an end")
    func input() async throws {
        try await run(
            """
            ws = connect()
            start(ws, ["cat"])
            for i in range(1000): ws.send(str(i % 10).encode())
            ws.send(json.dumps("ContentComplete"))
            data, texts, code, reason = finish(ws)
            assert b"".join(data) == b"0123456789" * 100
            assert [json.loads(t)["Capacity"]["messages_written"] for t in texts] == [128 * n for n in range(1, 8)]
            # Fragments are one message; a ping may come between them.
            ws = connect()
            start(ws, ["cat"])
            ws.send([b"a", b"", b"bc"])
            ws.ping()
            ws.send(json.dumps("ContentComplete"))
            data, texts, code, reason = finish(ws)
            assert b"".join(data) == b"abc" and code == 1000
            # A command that does not read: the client that does not obey is sent away.
            ws = connect()
            sh(ws, "sleep 60")
            try:
                for i in range(300000): ws.send(b"x")
            except ConnectionClosed: pass
            assert finish(ws)[2:] == (1009, "write buffer full; obey capacity updates"), finish(ws)
            # One that ends without reading is no error.
            ws = connect()
            sh(ws, "exit 3")
            try:
                for i in range(20): ws.send(b"y" * 10000)
            except ConnectionClosed: pass
            assert finish(ws)[2:] == (1000, "3")
            """
        )
    }

    @Test("messages that may not come end the session with the reference's codes")
    func misuse() async throws {
        try await run(
            """
            def after(*messages, begin=False, streams=False):
                ws = connect(streams)
                if begin: sh(ws, "sleep 60")
                for message in messages: ws.send(message)
                return finish(ws)[2:]
            assert after(b"x") == (1008, "process data sent before initialization")
            assert after('"ContentComplete"') == (1008, "ContentComplete sent before initialization")
            for bad in ["", "{", "[]", "null", "1", '"Content"', "{}", '{"Initialize":{}}', '{"Winch":{"rows":1}}',
                        '{"Winch":{"rows":-1,"cols":1}}', '{"Initialize":{"command":[],"target":"local","tty":null}}',
                        '{"Initialize":{"command":["a\\\\u0000"],"target":"local"}}',
                        '{"Initialize":{"command":[{"Unix":[256]}],"target":"local"}}',
                        '{"Initialize":{"command":[{"Unix":[255]}],"target":"local"}}',
                        '{"Initialize":{"command":["ls"],"target":"local","tty":{"term":"a b"}}}',
                        '{"Initialize":{"command":["ls"],"target":"local"},"Winch":{"rows":1,"cols":1}}', "[" * 60000]:
                code, reason = after(bad)
                assert code == 1007 and reason.startswith("invalid JSON in client message"), (bad, code, reason)
            again = json.dumps({"Initialize": {"command": ["ls"], "target": "local", "tty": None}})
            assert after(again, begin=True)[0] == 1008
            assert after(b"x" * 70000, begin=True)[0] == 1009
            assert after([b"x" * 40000, b"x" * 40000], begin=True)[0] == 1009
            assert after(b"\\1x", begin=True, streams=True)[0] == 1007
            assert after(b"", begin=True, streams=True)[0] == 1007

            def raw(*frames):
                s = socket.socket(socket.AF_UNIX)
                s.settimeout(30)
                s.connect(PATH)
                s.sendall(b"GET /exec HTTP/1.1\\r\\nHost: a\\r\\nConnection: Upgrade\\r\\nUpgrade: websocket\\r\\n"
                          b"Sec-WebSocket-Version: 13\\r\\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\\r\\n\\r\\n")
                head = b""
                while b"\\r\\n\\r\\n" not in head: head += s.recv(1)
                assert b"sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=" in head.lower(), head
                assert head.startswith(b"HTTP/1.1 101 "), head
                for frame in frames: s.sendall(frame)
                rest = b""
                while True:
                    part = s.recv(65536)
                    if not part: break
                    rest += part
                i = rest.find(b"\\x88")
                return struct.unpack(">H", rest[i + 2:i + 4])[0]
            mask = b"\\0\\0\\0\\0"
            assert raw(b"\\x82\\x01x") == 1002, "not masked"
            assert raw(b"\\xc2\\x81" + mask + b"x") == 1002, "reserved bit"
            assert raw(b"\\x83\\x81" + mask + b"x") == 1002, "unknown kind"
            assert raw(b"\\x80\\x81" + mask + b"x") == 1002, "nothing to continue"
            assert raw(b"\\x02\\x81" + mask + b"x", b"\\x82\\x81" + mask + b"x") == 1002, "inside of another"
            assert raw(b"\\x09\\x81" + mask + b"x") == 1002, "ping in pieces"
            assert raw(b"\\x82\\xff\\x7f" + b"\\xff" * 7 + mask) == 1009, "longer than memory"
            assert raw(b"\\x82\\xff\\xff" + b"\\xff" * 7 + mask) == 1009, "longer than numbers"
            assert raw(b"\\x88\\x82" + mask + b"\\x03\\xe8") == 1000, "a client that takes its leave"
            """
        )
    }

    @Test("requests that are no upgrade to a WebSocket stay HTTP")
    func noUpgrade() async throws {
        try await run(
            """
            def ask(*fields, path="/exec", method="GET", more=b""):
                s = socket.socket(socket.AF_UNIX)
                s.settimeout(30)
                s.connect(PATH)
                s.sendall("\\r\\n".join([f"{method} {path} HTTP/1.1", "Host: a", *fields, "", ""]).encode() + more)
                s.shutdown(socket.SHUT_WR)
                answer = b""
                while True:
                    part = s.recv(65536)
                    if not part: return answer.decode().lower()
                    answer += part
            ws = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
                  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
            plain = ask()
            assert plain.startswith("http/1.1 426 ") and "\\r\\nupgrade: websocket\\r\\n" in plain, plain
            assert ask(ws[0], ws[1], ws[3], "Sec-WebSocket-Version: 8").startswith("http/1.1 426 ")
            assert ask(ws[0], "Upgrade: h2c", *ws[2:]).startswith("http/1.1 426 ")
            assert ask(*ws[1:]).startswith("http/1.1 426 "), "no Connection: Upgrade"
            assert ask(*ws[:3]).startswith("http/1.1 400 "), "no key"
            assert ask(*ws[:3], "Sec-WebSocket-Key: x").startswith("http/1.1 400 ")
            assert ask(*ws, "Content-Length: 3", more=b"abc").startswith("http/1.1 400 "), "a body"
            assert ask(*ws, method="POST").startswith("http/1.1 405 ")
            assert ask(*ws, path="/exec?a=1").startswith("http/1.1 400 ")
            assert ask(*ws, path="/os").startswith("http/1.1 404 ")
            """
        )
    }
}
