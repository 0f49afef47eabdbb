import Foundation
import Glibc
import TestSupport
import Testing

@testable import HTTPFetch

/// The bytes that the test servers serve at /file: every place looks different.
func sample(_ count: Int) -> [UInt8] {
    var state: UInt32 = 12345
    return (0..<count).map { _ in
        state = state &* 1_664_525 &+ 1_013_904_223
        return UInt8(truncatingIfNeeded: state >> 24)
    }
}

/// Limits that end soon; nothing depends on how soon.
func quick(_ change: (inout HTTPFetcher.Configuration) -> Void = { _ in }) -> HTTPFetcher.Configuration {
    var configuration = HTTPFetcher.Configuration()
    configuration.firstPause = .milliseconds(5)
    configuration.longestPause = .milliseconds(20)
    configuration.idleTime = .seconds(10)
    change(&configuration)
    return configuration
}

/// A program of this folder's Python, run in the background until it is stopped; it prints its port first.
final class PythonServer {
    let port: Int
    private let process = Process()
    private let log: TemporaryDirectory

    init(_ program: String, _ arguments: [String] = []) throws {
        log = try TemporaryDirectory()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["python3", "-c", program, log.file("log")] + arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let line = String(decoding: pipe.fileHandleForReading.availableData, as: UTF8.self)
        port = try #require(
            Int(line.trimmingCharacters(in: .whitespacesAndNewlines)),
            "python3 said: \(line)"
        )
    }

    /// The requests so far, one a line.
    var requests: [String] {
        let text = (try? String(contentsOfFile: log.file("log"), encoding: .utf8)) ?? ""
        return text.split(separator: "\n").map(String.init)
    }

    // Children inherit a mask from the threads that tests run on, which blocks SIGTERM.
    deinit { kill(process.processIdentifier, SIGKILL) }
}

/// A server on raw sockets that lies in the way its path says, about a file of a given length.
final class HostileServer {
    private static let program = #"""
        import socket, struct, sys, threading, time
        log, size = sys.argv[1], int(sys.argv[2])
        state = 12345
        content = bytearray()
        for _ in range(size):
            state = (state * 1664525 + 1013904223) & 0xffffffff
            content.append(state >> 24)
        content = bytes(content)
        lock, counts = threading.Lock(), {}

        def reset(client):
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()

        def ranges_of(headers):
            value = headers.get("range")
            if not value: return None
            return [tuple(map(int, r.split("-"))) for r in value.split("=")[1].split(",")]

        def head(status, *fields): return ("HTTP/1.1 %s X\r\n%s\r\n" % (status, "".join(f + "\r\n" for f in fields))).encode()

        def whole(*fields): return head(200, "Content-Length: %d" % size, *fields) + content

        def one(first, last, *fields, body=None, span=None):
            return head(206, "Content-Length: %d" % (last - first + 1), "Content-Range: bytes %s/%d" % (span or "%d-%d" % (first, last), size),
                        *fields) + (content[first:last + 1] if body is None else body)

        def multi(parts, boundary="edge", end=True, fields=(), sent=None):
            body = b""
            for first, last in parts:
                body += ("\r\n--%s\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes %d-%d/%d\r\n\r\n" % (sent or boundary, first, last, size)).encode()
                body += content[first:last + 1]
            if end: body += ("\r\n--%s--\r\n" % (sent or boundary)).encode()
            return head(206, "Content-Type: multipart/byteranges; boundary=" + boundary, "Content-Length: %d" % len(body), *fields) + body

        def proper(r, *fields):
            if r is None: return whole(*fields)
            return one(*r[0], *fields) if len(r) == 1 else multi(r, fields=fields)

        def answer(client, path, r, n, headers):
            send = client.sendall
            name = path.split("?")[0].strip("/")
            if name == "proper": return send(proper(r))
            if name == "ignores-range": return send(whole())
            if name == "single-only": return send(proper(r) if r is None or len(r) == 1 else whole())
            if name == "first-of-many": return send(one(*r[0]))
            if name == "no-content-range": return send(head(206, "Content-Length: 10") + content[:10])
            if name == "wrong-content-range": return send(one(r[0][0] + 5000, r[0][1] + 5000))
            if name == "other-size": return send(head(206, "Content-Length: 1", "Content-Range: bytes %d-%d/%d" % (r[0][0], r[0][0], size + 1)) + b"x")
            if name == "length-lie": return send(one(*r[0], body=b"", span="%d-%d" % (r[0][0], r[0][1] - 1)))
            if name == "garbage-range": return send(one(*r[0], span="9-1"))
            if name == "huge-range": return send(one(*r[0], span="0-99999999999999999999999"))
            if name == "less": return send(one(r[0][0], r[0][0]))
            if name == "more": return send(one(0, size - 1))
            if name == "not-asked": return send(multi(r[:1] + [(r[0][1] + 2000, r[0][1] + 3000)]))
            if name == "overlapping": return send(multi([r[0], r[0]] + r[1:]))
            if name == "many-parts": return send(multi([r[0]] + [(r[0][0], r[0][0])] * 100))
            if name == "long-boundary": return send(multi(r, boundary="b" * 200))
            if name == "other-boundary": return send(multi(r, sent="other"))
            if name == "no-end": return send(multi(r, end=False))
            if name == "long-line":
                return send(head(206, "Content-Type: multipart/byteranges; boundary=e", "Content-Length: 1000000") + b"--e\r\nX: " + b"x" * 1000000)
            if name == "many-lines":
                return send(head(206, "Content-Type: multipart/byteranges; boundary=e", "Content-Length: 1000005") + b"--e\r\n" + b"X: y\r\n" * 166666)
            if name == "416": return send(head(416, "Content-Length: 0"))
            if name == "404": return send(head(404, "Content-Length: 3") + b"no!")
            if name == "500": return send(head(500, "Content-Length: 0"))
            if name == "503-then-ok": return send(head(503, "Content-Length: 0") if n <= 2 else proper(r))
            if name == "short":
                if n <= 1: client.sendall(whole()[:-1000]); return client.close()
                return send(proper(r))
            if name == "always-short": client.sendall(proper(r)[:-100]); return client.close()
            if name == "reset-often":
                bytes_ = proper(r); client.sendall(bytes_[:min(len(bytes_), 40000)])
                if len(bytes_) > 40000: time.sleep(0.05); reset(client)
                return
            if name == "restarts":
                if n == 3: return send(whole())
                client.sendall(whole()[:60000 * n]); time.sleep(0.05); reset(client)
                return
            if name == "endless":
                send(head(200, "Transfer-Encoding: chunked"))
                while True: send(b"10000\r\n" + b"#" * 65536 + b"\r\n")
            if name == "endless-close":
                send(head(200, "Connection: close"))
                while True: send(b"#" * 65536)
            if name == "endless-headers":
                send(b"HTTP/1.1 200 OK\r\n")
                while True: send(b"X-Header: " + b"y" * 1000 + b"\r\n")
            if name == "long-header": send(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70000 + b"\r\nContent-Length: 0\r\n\r\n"); return
            if name == "drip-header":
                send(b"HTTP/1.1 200 OK\r\n")
                while True: send(b"X: y\r\n"); time.sleep(0.05)
            if name == "drip":
                send(head(206 if r else 200, "Content-Length: %d" % (r[0][1] - r[0][0] + 1 if r else size), *(["Content-Range: bytes %d-%d/%d" % (*r[0], size)] if r else [])))
                for b in content[r[0][0]:r[0][1] + 1] if r else content: send(bytes([b])); time.sleep(0.02)
            if name == "stall": send(proper(r)[:-50]); time.sleep(30)
            if name == "silent": time.sleep(30)
            if name == "stall-once":
                if n == 1: send(proper(r)[:-50]); time.sleep(30)
                return send(proper(r))
            if name == "garbage": send(b"SSH-2.0-OpenSSH_9.2\r\n"); return client.close()
            if name == "hangs-up": return client.close()
            if name == "chunked": return send(head(200, "Transfer-Encoding: chunked") + b"5\r\nhello\r\n0\r\n\r\n")
            if name == "chunked-without-end":
                send(head(200, "Transfer-Encoding: chunked") + b"5\r\nhello\r\n"); return client.close()
            if name == "gzip": return send(head(200, "Content-Length: 2", "Content-Encoding: gzip") + b"xx")
            if name == "circle": return send(head(302, "Location: /circle2", "Content-Length: 0"))
            if name == "circle2": return send(head(302, "Location: circle", "Content-Length: 0"))
            if name == "redirects": return send(head(302, "Location: /redirects?%d" % (n + 1), "Content-Length: 0"))
            if name == "redirect": return send(head(307, "Location: proper?x", "Content-Length: 4") + b"gone")
            if name == "to-file": return send(head(302, "Location: file:///etc/passwd", "Content-Length: 0"))
            if name == "no-location": return send(head(302, "Content-Length: 0"))
            if name == "to-other": return send(head(302, "Location: http://localhost:%d/show" % port, "Content-Length: 0"))
            if name == "show":
                body = "\n".join("%s: %s" % h for h in sorted(headers.items())).encode()
                return send(head(200, "Content-Length: %d" % len(body)) + body)
            # A balancer before two servers, and one that repeats as little as it may (RFC 9110, 15.3.7).
            if name == "other-tags":
                tag = '"%d"' % (n % 2)
                return send(whole("ETag: " + tag) if headers.get("if-range", tag) != tag else proper(r, "ETag: " + tag))
            if name == "fewer-fields":
                return send(proper(r, 'ETag: "a"', *(["Last-Modified: Sat, 01 Jan 2022 00:00:00 GMT"] if n == 1 else [])))
            # Endless, or nothing more, behind all that was asked for.
            if name == "epilogue":
                send(head(206, "Content-Type: multipart/byteranges; boundary=edge", "Connection: close"))
                send(multi(r).split(b"\r\n\r\n", 1)[1])
                while True: send(b"#" * 65536)
            if name == "epilogue-of-one":
                if len(r) == 1: return send(proper(r))
                send(head(206, "Content-Type: multipart/byteranges; boundary=edge", "Connection: close"))
                send(multi(r[:1]).split(b"\r\n\r\n", 1)[1])
                while True: send(b"#" * 65536)
            if name == "no-epilogue": send(multi(r)[:-len("\r\n--edge--\r\n")]); time.sleep(600)
            if name == "no-last-chunk":
                first, last = r[0]
                send(head(206, "Transfer-Encoding: chunked", "Content-Range: bytes %d-%d/%d" % (first, last, size)))
                send(b"%x\r\n" % (last - first + 1) + content[first:last + 1] + b"\r\n"); time.sleep(600)
            if name == "ahead": return send(one(size // 2, size - 1))
            if name == "407": return send(head(407, "Content-Length: 0"))
            if name == "to-itself": return send(head(302, "Location: http://127.0.0.1:%d/show" % port, "Content-Length: 0"))
            send(head(404, "Content-Length: 0"))

        def serve(client):
            data = b""
            try:
                while True:
                    while b"\r\n\r\n" not in data:
                        more = client.recv(65536)
                        if not more: return
                        data += more
                    text, data = data.split(b"\r\n\r\n", 1)
                    lines = text.decode().split("\r\n")
                    path = lines[0].split(" ")[1]
                    headers = {k.lower(): v.strip() for k, v in (l.split(":", 1) for l in lines[1:])}
                    with lock:
                        name = path.split("?")[0]
                        n = counts[name] = counts.get(name, 0) + 1
                        with open(log, "a") as f: f.write("%s %s\n" % (path, headers.get("range", "-")))
                    answer(client, path, ranges_of(headers), n, headers)
            except (OSError, ValueError): pass

        server = socket.create_server(("127.0.0.1", 0), backlog=100)
        port = server.getsockname()[1]
        print(port, flush=True)
        while True:
            client, _ = server.accept()
            threading.Thread(target=serve, args=(client,), daemon=True).start()
        """#

    let content: [UInt8]
    private let server: PythonServer

    init(size: Int = 3000) throws {
        content = sample(size)
        server = try PythonServer(Self.program, [String(size)])
    }

    var requests: [String] { server.requests }
    var port: Int { server.port }
    func url(_ path: String) -> String { "http://127.0.0.1:\(server.port)/\(path)" }
}

/// Collects what a remote file gives, and sees that nothing comes twice.
struct Collected {
    var bytes: [UInt8]
    var seen: [Bool]
    var mirrors: Set<String> = []
    var inOrder = true
    private var last: UInt64 = 0

    init(_ size: Int) {
        bytes = Array(repeating: 0, count: size)
        seen = Array(repeating: false, count: size)
    }

    mutating func add(_ piece: FetchedBytes) {
        inOrder = inOrder && piece.offset >= last
        last = piece.offset
        mirrors.insert(piece.mirror)
        let places = Int(piece.offset)..<Int(piece.offset) + piece.bytes.count
        if seen[places].contains(true) { Issue.record("some of the bytes \(places) came twice") }
        bytes.replaceSubrange(places, with: piece.bytes)
        seen.replaceSubrange(places, with: repeatElement(true, count: piece.bytes.count))
    }

    /// Whether exactly these ranges came, and are right.
    func has(_ ranges: [Range<UInt64>], of content: [UInt8]) -> Bool {
        var expected = (
            seen: Array(repeating: false, count: content.count), bytes: content.map { _ in UInt8(0) }
        )
        for range in ranges.map({ Int($0.lowerBound)..<Int($0.upperBound) }) {
            expected.seen.replaceSubrange(range, with: repeatElement(true, count: range.count))
            expected.bytes.replaceSubrange(range, with: content[range])
        }
        return expected.seen == seen && expected.bytes == bytes
    }
}
