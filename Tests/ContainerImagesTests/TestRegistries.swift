import Foundation
import Glibc
import HTTPFetch
import OCI
import TestSupport
import Testing

@testable import ContainerImages

/// Debian's docker-registry on a port of 127.0.0.1, until the value goes away.
final class DockerRegistry: Sendable {
    private struct NotListening: Error, CustomStringConvertible {
        let description: String
    }

    /// Who may ask where a registry is not open to all.
    static let user = "worker"
    static let password = "correct horse"

    let host: String
    /// Of the authority that signed the certificate.
    var authority: String { place.file("certificate.pem") }
    private let place: TemporaryDirectory
    private let process: Int32
    private let isSecure: Bool

    init(isClosed: Bool = false, isSecure: Bool = false) throws {
        place = try TemporaryDirectory()
        self.isSecure = isSecure
        let path = place.path
        var text = """
            version: 0.1
            log: {level: info}
            storage: {filesystem: {rootdirectory: \(path)/data}}
            http:
              addr: 127.0.0.1:0

            """
        if isSecure {
            let made = try TestCertificate(in: place, hosts: ["DNS:localhost"])
            text += "  tls: {certificate: \(made.path), key: \(made.keyPath)}\n"
        }
        if isClosed {
            // bcrypt of the password, by crypt(3).
            let hash = "$2y$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2"
            try Data("\(Self.user):\(hash)\n".utf8).write(to: place.url.appending(path: "users"))
            text += "auth: {htpasswd: {realm: test, path: \(path)/users}}\n"
        }
        try Data(text.utf8).write(to: place.url.appending(path: "config.yml"))
        let log = place.file("log")
        try Data().write(to: URL(filePath: log))
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["docker-registry", "serve", "\(path)/config.yml"]
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = try FileHandle(forWritingTo: URL(filePath: log))
        try process.run()
        self.process = process.processIdentifier
        LeftOvers.add(process: self.process)
        var port: Int?
        for _ in 0..<400 where port == nil {
            let said = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
            port = said.firstMatch(of: /listening on 127\.0\.0\.1:([0-9]+)/).flatMap { Int($0.1) }
            if port == nil { usleep(50_000) }
        }
        guard let port else {
            LeftOvers.end(process: self.process)
            let said = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
            throw NotListening(description: "docker-registry does not listen: \(said)")
        }
        host = "\(isSecure ? "localhost" : "127.0.0.1"):\(port)"
    }

    deinit { LeftOvers.end(process: process) }

    /// Has skopeo(1) bring an image.
    func take(_ image: TestImage, as name: String) throws {
        let result = try runTool(
            "skopeo",
            "--insecure-policy",
            "copy",
            "--dest-tls-verify=false",
            "--dest-creds",
            "\(Self.user):\(Self.password)",
            "oci:\(image.folder):1",
            "docker://\(host)/\(name)"
        )
        try #require(result.status == 0, "\(result.output)")
    }
}

/// A registry in Python that fails in the way that the first part of its URL says: a mirror's URL is `mode(...)`.
final class FaultyRegistry: Sendable {
    static let host = "registry.invalid"
    let port: Int
    /// Another server of the same host, where redirects lead to.
    let otherPort: Int
    private let process: Int32
    private let log: TemporaryDirectory

    init(_ image: TestImage) throws {
        log = try TemporaryDirectory()
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [
            "python3", "-c", faultyRegistryProgram, log.file("log"), image.folder,
            image.manifest.digest.description,
        ]
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardInput = FileHandle.nullDevice
        try process.run()
        self.process = process.processIdentifier
        LeftOvers.add(process: self.process)
        let line = String(decoding: pipe.fileHandleForReading.availableData, as: UTF8.self)
        let ports = line.split { $0 == " " || $0 == "\n" }.compactMap { Int($0) }
        try #require(ports.count == 2, "python3 said: \(line)")
        (port, otherPort) = (ports[0], ports[1])
    }

    deinit { LeftOvers.end(process: process) }

    func mode(_ name: String) -> String { "http://127.0.0.1:\(port)/\(name)" }

    /// A client for which the registry has these mirrors, and which gives up soon.
    func client(
        _ modes: [String],
        credential: RegistryCredential? = nil,
        change: (inout HTTPFetcher.Configuration) -> Void = { _ in }
    ) throws -> RegistryClient {
        var limits = RegistryClient.limits
        (limits.tries, limits.firstPause, limits.longestPause) = (2, .milliseconds(5), .milliseconds(20))
        change(&limits)
        // The registry itself is a mirror that has nothing: its name leads nowhere.
        return try RegistryClient(
            configuration: RegistryConfiguration(
                mirrors: [Self.host: modes.map(mode)],
                credentials: credential.map { ["127.0.0.1:\(port)": $0] } ?? [:]
            ),
            limits: limits
        )
    }

    /// The requests so far: port, method, path, Authorization, Range, each in its place or "-".
    var requests: [[String]] {
        let text = (try? String(contentsOfFile: log.file("log"), encoding: .utf8)) ?? ""
        return text.split(separator: "\n").map { $0.split(separator: "\t").map(String.init) }
    }
}

private let faultyRegistryProgram = #"""
    import base64, hashlib, http.server, json, sys, threading, time, urllib.parse
    log, folder, first = sys.argv[1:4]
    lock, counts, tokens = threading.Lock(), {}, {}
    worker = "Basic " + base64.b64encode(b"worker:correct horse").decode()

    def count(key):
        with lock:
            counts[key] = counts.get(key, 0) + 1
            return counts[key]

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        def log_message(self, *arguments): pass
        def do_GET(self): self.serve()
        def do_HEAD(self): self.serve()
        def do_POST(self): self.serve()

        def answer(self, status, body=b"", **fields):
            self.send_response(status)
            for name, value in fields.items(): self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD": self.wfile.write(body)

        def serve(self):
            authorization = self.headers.get("Authorization") or "-"
            extent = self.headers.get("Range")
            with lock, open(log, "a") as file:
                file.write("\t".join([str(self.server.server_port), self.command, self.path, authorization, extent or "-"]) + "\n")
            # As a forwarding proxy gets it.
            if self.path.startswith("http://"): self.path = "/" + self.path.split("/", 3)[3]
            path, _, query = self.path.partition("?")
            parts = path.split("/")
            mode = parts[1]
            if mode == "token": return self.token(authorization, urllib.parse.parse_qs(query))
            if mode == "blob": return self.blob("ok", parts[2], extent)
            repository, kind, name = "/".join(parts[2:-2]), parts[-2], parts[-1]
            if mode == "gone": return self.answer(404)
            if mode == "down": return self.answer(503)
            if mode == "mute": return self.answer(401)
            if mode in ("bearer", "identity", "norealm"):
                token = authorization.partition(" ")[2]
                with lock:
                    left = tokens.get(token, 0)
                    if left: tokens[token] = left - 1
                if not left:
                    scope = "repository:%s:pull" % repository
                    realm = "http://127.0.0.1:%d/token?a=b" % first_server.server_port
                    if mode == "norealm": realm = "file:///etc/passwd"
                    return self.answer(401, WWW_Authenticate='Bearer realm="%s",service="the \\"registry\\"",scope="%s"' % (realm, scope))
            if mode in ("basic", "away") and authorization != worker:
                return self.answer(401, WWW_Authenticate='Basic realm="here"')
            if kind == "manifests": return self.manifest(mode, name)
            if mode == "away": return self.answer(307, Location="http://127.0.0.1:%d/blob/%s" % (second_server.server_port, name))
            if mode == "basic" and extent is None and "moved" not in repository:
                return self.answer(307, Location="/basic/moved/blobs/" + name)
            self.blob(mode, name, extent)

        def token(self, authorization, query):
            if self.command == "POST":
                form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                good = form["refresh_token"] == ["s3cret+token/="] and form["grant_type"] == ["refresh_token"]
                scope, service = form["scope"], form["service"]
                kind = "access_token"
            else:
                scope, service, kind = query["scope"], query["service"], "token"
                good = authorization == worker or authorization == "-" and scope[0].startswith("repository:public/")
            if not good or service != ['the "registry"']: return self.answer(401)
            name = "token%d" % count("token")
            with lock: tokens[name] = 2
            self.answer(200, json.dumps({kind: name, "expires_in": 60}).encode())

        def manifest(self, mode, name):
            if mode == "endless":
                self.send_response(200)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                try:
                    while True: self.wfile.write(b"10000\r\n" + b" " * 65536 + b"\r\n")
                except OSError: return
            digest = first if name == "1" else name
            if name == "index": return self.index(folder + "/multi.json")
            try: body = open(folder + "/blobs/sha256/" + digest.partition(":")[2], "rb").read()
            except OSError: return self.answer(404)
            kind = json.loads(body).get("mediaType", "application/vnd.oci.image.manifest.v1+json")
            if mode == "wrongmanifest": body += b" "
            self.answer(200, body, Content_Type=kind, Docker_Content_Digest=digest)

        def index(self, path):
            body = open(path, "rb").read()
            self.answer(200, body, Content_Type="application/vnd.oci.image.index.v1+json")

        def blob(self, mode, name, extent):
            try: body = open(folder + "/blobs/sha256/" + name.partition(":")[2], "rb").read()
            except OSError: return self.answer(404)
            if body[:1] == b"{": return self.answer(200, body)
            if mode == "wronglayer": body = body[:-1] + b"x"
            start, status = 0, 200
            if extent:
                start, status = int(extent.split("=")[1].split("-")[0]), 206
            whole = len(body)
            self.send_response(status)
            if extent: self.send_header("Content-Range", "bytes %d-%d/%d" % (start, whole - 1, whole))
            self.send_header("Content-Length", str(whole - start))
            self.end_headers()
            if self.command == "HEAD": return
            if mode == "stall":
                self.wfile.flush()
                time.sleep(60)
            if mode == "half" and start >= whole // 2: body = body[:start]
            if mode == "half" or mode == "cut" and start == 0: body = body[:max(start, whole // 2)]
            try: self.wfile.write(body[start:])
            except OSError: pass
            if len(body) < whole: self.close_connection = True

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True
    first_server, second_server = Server(("127.0.0.1", 0), Handler), Server(("127.0.0.1", 0), Handler)
    # In one piece: whoever reads it reads once.
    sys.stdout.write("%d %d\n" % (first_server.server_port, second_server.server_port))
    sys.stdout.flush()
    threading.Thread(target=second_server.serve_forever, daemon=True).start()
    first_server.serve_forever()
    """#
