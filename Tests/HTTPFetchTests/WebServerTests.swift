import Foundation
import TestSupport
import Testing

@testable import HTTPFetch

/// What nginx serves, directly and through a proxy.
@Suite struct WebServerTests {
    private static let size = 300_000
    private static let ranges: [Range<UInt64>] = [1..<2, 1000..<70_000, 100_000..<100_500, 299_000..<300_000]

    private func read(_ urls: [String], _ configuration: HTTPFetcher.Configuration) async throws -> Collected
    {
        var collected = Collected(Self.size)
        let file = try HTTPFetcher(configuration).file(urls: urls, size: UInt64(Self.size))
        try await file.read(ranges: Self.ranges) { collected.add($0) }
        return collected
    }

    @Test func rangesStreamsAndDocuments() async throws {
        let server = try FileServer(Self.size)
        let url = server.url("file")
        #expect(try await read([url], quick()).has(Self.ranges, of: server.content))
        // One range a request, many requests at once.
        let small = quick { ($0.rangesPerRequest, $0.bytesPerRequest) = (1, 5000) }
        #expect(try await read([url], small).has(Self.ranges, of: server.content))
        // A server that allows a single range only answers several with the whole file.
        #expect(try await read([server.url("single/file")], quick()).has(Self.ranges, of: server.content))
        let none = try HTTPFetcher(quick()).file(urls: [server.url("none/file")], size: UInt64(Self.size))
        await #expect { try await none.read(ranges: Self.ranges) { _ in } } throws: {
            ($0 as? FetchError)?.lacksRanges ?? false
        }
        for path in ["file", "none/file"] {
            var collected = Collected(Self.size)
            let file = try HTTPFetcher(quick()).file(urls: [server.url(path)], size: UInt64(Self.size))
            try await file.stream(from: 12_345) { collected.add($0) }
            #expect(collected.has([12_345..<300_000], of: server.content) && collected.inOrder)
        }
        #expect(try await HTTPFetcher(quick()).get(url, limit: Self.size) == server.content)
    }

    @Test func answersComeWithTheirStatus() async throws {
        let server = try FileServer(100)
        defer { withExtendedLifetime(server) {} }
        let fetcher = try HTTPFetcher(quick())
        let missing = try await fetcher.answer(to: server.url("missing"), limit: 9999)
        #expect(missing.status == 404 && missing.body.isEmpty)
        let head = try await fetcher.answer(to: server.url("file"), method: .head, limit: 0)
        #expect(head.status == 200 && head.body.isEmpty && head.values("Content-Length") == ["100"])
        // nginx takes no form for a file.
        let form = FetchMethod.post(form: "a=b")
        #expect(try await fetcher.answer(to: server.url("file"), method: form, limit: 9).status == 405)
        for url in [server.url("file"), "file:///etc/hostname", "ftp://example.org/"] {
            await #expect(throws: FetchError.self) { _ = try await fetcher.answer(to: url, limit: 99) }
        }
    }

    @Test func aMirrorThatIsCopiedAnewServesOn() async throws {
        let server = try FileServer(Self.size)
        let file = try HTTPFetcher(quick()).file(urls: [server.url("file")], size: UInt64(Self.size))
        var collected = Collected(Self.size)
        try await file.read(ranges: [0..<10]) { collected.add($0) }
        // The tag of nginx is the time in seconds, and the size.
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSince1970: 1)],
            ofItemAtPath: server.file
        )
        try await file.read(ranges: [10..<20]) { collected.add($0) }
        #expect(collected.has([0..<20], of: server.content))
    }

    @Test func oldTLSIsRefused() async throws {
        let server = try FileServer(10)
        let trusting = quick { ($0.authorities, $0.tries) = (server.authority, 1) }
        await #expect { try await HTTPFetcher(trusting).get(server.outdated("file"), limit: 10) } throws: {
            if case FetchError.failed(_, .tls)? = $0 as? FetchError { true } else { false }
        }
    }

    @Test func certificatesAreVerified() async throws {
        let server = try FileServer(Self.size)
        let trusting = quick { $0.authorities = server.authority }
        #expect(
            try await read([server.secure("localhost", "file")], trusting).has(
                Self.ranges,
                of: server.content
            )
        )
        func failure(_ url: String, _ configuration: HTTPFetcher.Configuration) async throws -> FetchFailure?
        {
            do {
                _ = try await HTTPFetcher(configuration).get(url, limit: Self.size)
                return nil
            } catch {
                guard case .failed(_, let failure) = error else { return nil }
                return failure
            }
        }
        guard case .untrusted = try await failure(server.secure("localhost", "file"), quick()) else {
            Issue.record(
                "not untrusted: \(String(describing: try await failure(server.secure("localhost", "file"), quick())))"
            )
            return
        }
        guard case .wrongHost = try await failure(server.secure("127.0.0.1", "file"), trusting) else {
            Issue.record(
                "not another host: \(String(describing: try await failure(server.secure("127.0.0.1", "file"), trusting)))"
            )
            return
        }
        let plain = server.url("file").replacing("http:", with: "https:")
        #expect(
            try await failure(plain, trusting) == .tls("the server does not speak TLS at this port")
        )
        #expect(
            try await failure(server.secure("localhost", "down"), trusting)
                == .redirect("it leads from https to \(server.url("file"))")
        )
        #expect(try await HTTPFetcher(trusting).get(server.url("up"), limit: Self.size) == server.content)
    }

    @Test func proxiesAreUsedAsConfigured() async throws {
        let server = try FileServer(Self.size)
        let proxy = try Proxy()
        let through = quick {
            ($0.proxy, $0.authorities) = ("http://me:se%40cret@127.0.0.1:\(proxy.port)", server.authority)
        }
        #expect(try await read([server.url("file")], through).has(Self.ranges, of: server.content))
        #expect(
            try await read([server.secure("localhost", "file")], through).has(Self.ranges, of: server.content)
        )
        let methods = Set(proxy.requests.map { $0.split(separator: " ")[0] })
        #expect(methods == ["GET", "CONNECT"])
        let before = proxy.requests.count
        let around = quick { ($0.proxy, $0.noProxy) = (through.proxy, ["127.0.0.0/8"]) }
        #expect(try await read([server.url("file")], around).has(Self.ranges, of: server.content))
        #expect(proxy.requests.count == before)
    }

    @Test func proxiesThatRefuseAreNamed() async throws {
        let server = try FileServer(10)
        let proxy = try Proxy()
        func failure(_ url: String, _ proxy: String) async throws -> FetchFailure? {
            let configuration = quick { ($0.proxy, $0.authorities) = (proxy, server.authority) }
            do {
                _ = try await HTTPFetcher(configuration).get(url, limit: 10)
                return nil
            } catch {
                #expect(!"\(error)".contains("wrong-word"))
                guard case .failed(_, let failure) = error else { return nil }
                return failure
            }
        }
        let wrong = "http://me:wrong-word@127.0.0.1:\(proxy.port)"
        #expect(try await failure(server.url("file"), wrong) == .proxyAuthentication)
        #expect(try await failure(server.secure("localhost", "file"), wrong) == .proxyAuthentication)
        let right = "http://me:se%40cret@127.0.0.1:\(proxy.port)"
        #expect(try await failure("https://forbidden.invalid/", right) == .proxyRefused)
        #expect(try await failure(server.url("file"), "http://127.0.0.1:1") == .refused("127.0.0.1 port 1"))
    }
}

/// nginx with a file, on ports of its own, with a certificate for localhost of an authority of its own.
private final class FileServer {
    let content: [UInt8]
    private let folder: TemporaryDirectory
    private let server: WebServer
    private var plain: Int { server.ports[0] }
    private var encrypted: Int { server.ports[1] }
    private var old: Int { server.ports[2] }

    var file: String { folder.file("www/file") }
    var authority: String { folder.file("ca.pem") }

    init(_ size: Int) throws {
        content = sample(size)
        folder = try TemporaryDirectory()
        try FileManager.default.createDirectory(atPath: folder.file("www"), withIntermediateDirectories: true)
        try Data(content).write(to: URL(filePath: folder.file("www/file")))
        try Self.makeCertificates(folder)
        let path = folder.path
        server = try WebServer(portCount: 3) { ports in
            let locations = """
                root \(path)/www;
                location /single/ { alias \(path)/www/; max_ranges 1; }
                location /none/ { alias \(path)/www/; max_ranges 0; }
                location /down { return 302 http://127.0.0.1:\(ports[0])/file; }
                location /up { return 302 https://localhost:\(ports[1])/file; }
                """
            let certificate = "ssl_certificate \(path)/server.pem; ssl_certificate_key \(path)/server.key;"
            return """
                server { listen 127.0.0.1:\(ports[0]); \(locations) }
                server { listen 127.0.0.1:\(ports[1]) ssl; \(certificate) \(locations) }
                server {
                  listen 127.0.0.1:\(ports[2]) ssl; \(certificate)
                  ssl_protocols TLSv1.1; ssl_ciphers ALL:@SECLEVEL=0; \(locations)
                }
                """
        }
    }

    func url(_ path: String) -> String { "http://127.0.0.1:\(plain)/\(path)" }
    func secure(_ host: String, _ path: String) -> String { "https://\(host):\(encrypted)/\(path)" }
    /// Of a server that speaks TLS 1.1 only.
    func outdated(_ path: String) -> String { "https://localhost:\(old)/\(path)" }

    private static func makeCertificates(_ folder: TemporaryDirectory) throws {
        let authority = try TestCertificate(
            in: folder,
            name: "ca",
            subject: "Test authority",
            constraints: "CA:TRUE"
        )
        _ = try TestCertificate(
            in: folder,
            name: "server",
            hosts: ["DNS:localhost"],
            constraints: "CA:FALSE",
            signedBy: authority
        )
    }
}

/// An HTTP proxy for CONNECT and whole URLs, which wants the user "me" with the password "se@cret".
private final class Proxy {
    private static let program = #"""
        import base64, socket, sys, threading
        log = sys.argv[1]
        credentials = "Basic " + base64.b64encode(b"me:se@cret").decode()

        def pump(a, b):
            try:
                while data := a.recv(65536): b.sendall(data)
                b.shutdown(socket.SHUT_WR)
            except OSError: pass

        def serve(client):
            try:
                data = b""
                while b"\r\n\r\n" not in data:
                    more = client.recv(65536)
                    if not more: return
                    data += more
                head, rest = data.split(b"\r\n\r\n", 1)
                lines = head.decode().split("\r\n")
                method, target, _ = lines[0].split(" ")
                fields = {k.lower(): v.strip() for k, v in (l.split(":", 1) for l in lines[1:])}
                with open(log, "a") as f: f.write("%s %s\n" % (method, target))
                if fields.get("proxy-authorization") != credentials:
                    client.sendall(b"HTTP/1.1 407 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"); return client.close()
                if "forbidden" in target:
                    client.sendall(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"); return client.close()
                if method == "CONNECT":
                    host, port = target.rsplit(":", 1)
                    server = socket.create_connection((host, int(port)))
                    client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
                    server.sendall(rest)
                else:
                    # Without http:// this is no request for a proxy.
                    assert target.startswith("http://"), target
                    place, _, path = target[7:].partition("/")
                    host, port = place.split(":")
                    server = socket.create_connection((host, int(port)))
                    kept = [l for l in lines[1:] if not l.lower().startswith(("proxy-", "connection"))]
                    server.sendall("\r\n".join(["%s /%s HTTP/1.1" % (method, path), *kept, "Connection: close", "", ""]).encode())
                threading.Thread(target=pump, args=(client, server), daemon=True).start()
                pump(server, client)
            except (OSError, ValueError): pass

        server = socket.create_server(("127.0.0.1", 0), backlog=100)
        print(server.getsockname()[1], flush=True)
        while True:
            client, _ = server.accept()
            threading.Thread(target=serve, args=(client,), daemon=True).start()
        """#

    private let server: PythonServer
    init() throws { server = try PythonServer(Self.program) }
    var port: Int { server.port }
    var requests: [String] { server.requests }
}
