import Foundation
import JSON
import TestSupport
import Testing

@testable import APIClient

/// Documents from web servers, by python's http.server on the loopback.
@Suite struct WebTests {
    /// A web server; ends with the value.
    private final class WebServer {
        let folder: TemporaryDirectory
        let port: Int
        /// Its certificate, which is its own authority.
        let certificate: String?
        private let process = Process()

        init(withTLS: Bool = false) throws {
            folder = try TemporaryDirectory()
            process.executableURL = URL(filePath: "/usr/bin/env")
            var arguments = ["python3", "-c", Self.script]
            if withTLS {
                let made = try TestCertificate(in: folder, hosts: ["DNS:localhost"])
                arguments += [made.path, made.keyPath]
                certificate = made.path
            } else {
                certificate = nil
            }
            process.arguments = arguments
            let pipe = Pipe()
            process.standardOutput = pipe
            process.standardError = FileHandle.nullDevice
            try process.run()
            let line = String(decoding: pipe.fileHandleForReading.availableData, as: UTF8.self)
            port = try #require(Int(line.trimmingCharacters(in: .whitespacesAndNewlines)), "\(line)")
        }

        deinit {
            // SIGTERM may be blocked: children inherit the signal mask of the thread that starts them.
            if process.isRunning { kill(process.processIdentifier, SIGKILL) }
            process.waitUntilExit()
        }

        private static let script = """
            import http.server, ssl, sys, time
            class Handler(http.server.BaseHTTPRequestHandler):
                def do_GET(self):
                    if self.path.startswith("/loop"):
                        self.send_response(302)
                        self.send_header("Location", self.path + "x")
                        self.end_headers()
                    elif self.path == "/huge":
                        self.send_response(200)
                        self.end_headers()
                        try:
                            while True: self.wfile.write(b"#" * 65536)
                        except OSError: pass
                    elif self.path == "/trickle":
                        self.send_response(200)
                        self.end_headers()
                        try:
                            while True:
                                self.wfile.write(b"#")
                                time.sleep(0.05)
                        except OSError: pass
                    elif self.path in ("/ok", "/moved"):
                        body = b'motd = "from the web"\\n'
                        self.send_response(200 if self.path == "/ok" else 302)
                        if self.path == "/moved": self.send_header("Location", "/ok")
                        self.send_header("Content-Length", str(len(body)))
                        self.end_headers()
                        self.wfile.write(body)
                    else: self.send_error(404)
            server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
            if len(sys.argv) > 1:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(sys.argv[1], sys.argv[2])
                server.socket = context.wrap_socket(server.socket, server_side=True)
            print(server.server_port, flush=True)
            server.serve_forever()
            """
    }

    private func fault(_ url: String) async -> String {
        do {
            _ = try await InputSource(url).read()
            return ""
        } catch {
            return error.description
        }
    }

    @Test func documentsAreFetched() async throws {
        let server = try WebServer()
        let base = "http://127.0.0.1:\(server.port)"
        for path in ["/ok", "/moved"] {
            #expect(try await InputSource(base + path).read() == Array("motd = \"from the web\"\n".utf8))
        }
        #expect(await fault(base + "/missing").contains("/missing: the server answered 404 Not Found"))
        #expect(await fault(base + "/loop").contains("the server redirects too often"))
        #expect(await fault(base + "/huge") == InputError.tooLong(base + "/huge").description)
        #expect(await fault("http://").contains("could not fetch http://"))
    }

    @Test func aDocumentThatDoesNotEndIsGivenUp() async throws {
        let server = try WebServer()
        await #expect {
            _ = try await WebDocument.read(
                "http://127.0.0.1:\(server.port)/trickle",
                limit: .milliseconds(500)
            )
        } throws: { "\($0)".contains("it took longer than") }
    }

    @Test func nobodyThere() async throws {
        let base: String
        do {
            let server = try WebServer()
            base = "http://127.0.0.1:\(server.port)"
        }
        let fault = await fault(base + "/ok")
        #expect(fault.contains("could not fetch \(base)/ok: ") && fault.contains("onnection"), "\(fault)")
    }

    @Test func certificatesAreChecked() async throws {
        let server = try WebServer(withTLS: true)
        let fault = await fault("https://localhost:\(server.port)/ok")
        #expect(fault.contains("certificate is not trusted on this host"), "\(fault)")
        // In a container: by the host's authorities.
        let bytes = try await WebDocument.read(
            "https://localhost:\(server.port)/ok",
            authorities: #require(server.certificate)
        )
        #expect(bytes == Array("motd = \"from the web\"\n".utf8))
    }

    @Test func applyTakesThem() async throws {
        let server = try WebServer()
        let host = try await HostProcess()
        let apply = try await host.client("apply", "http://127.0.0.1:\(server.port)/ok")
        #expect(apply.status == 0 && apply.json?["changed"] == ["settings.motd"], "\(apply.errors)")
        let refused = try await host.client("apply", "http://127.0.0.1:\(server.port)/missing")
        #expect(refused.status == 1 && refused.errors.hasPrefix("Failed to apply settings: could not fetch "))
    }
}
