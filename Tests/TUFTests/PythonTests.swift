import Foundation
import JSON
import Signatures
import TUF
import TestSupport
import Testing

/// The interpreter that has python-tuf: the one of the Makefile's virtual environment, else the system's.
private let python: String? = {
    var candidates = ["python3"]
    if let venv = ProcessInfo.processInfo.environment["BULKHEAD_VENV"] {
        candidates.insert("\(venv)/bin/python3", at: 0)
    }
    return candidates.first { (try? runTool($0, "-c", "import tuf").status) == 0 }
}()

/// Golden tests against python-tuf and securesystemslib.
@Suite(
    .enabled(if: python != nil, "SKIPPED: python module tuf is neither in $BULKHEAD_VENV nor in the system")
)
struct PythonTests {
    private func run(_ program: String, _ arguments: String...) throws -> String {
        let result = try runTool(#require(python), ["-B", "-c", program] + arguments)
        #expect(result.status == 0, "\(result.output)")
        return result.output
    }

    @Test func canonicalJSONEqualsSecuresystemslibs() throws {
        let documents = [
            #"{"b": [1, -2, true, false, null], "a": {"é": "\u0001\n\"\\/", "o\u0301": "", "😀": 1, "ﬀ": 2}}"#,
            #"{"a": "", "A": [], "aa": {}, "": [[]], "0": 9223372036854775807, "~": "~ "}"#,
        ]
        for document in documents {
            let bytes = try #require(CanonicalJSON.encode(JSONValue(parsing: document)))
            let program = """
                import json, sys; from securesystemslib.formats import encode_canonical
                sys.stdout.buffer.write(encode_canonical(json.loads(sys.argv[1])).encode())
                """
            #expect(try run(program, document) == String(decoding: bytes, as: UTF8.self))
        }
    }

    @Test func patternsMatchAsPythonTUFs() throws {
        let patterns = [
            "*", "*/*", "a*", "a/*", "a?c", "?", "[ab]*", "[!a]*", "[a-c]x", "[]x]", "[", "a[", "*.tgz",
            "a*b*c", "**",
            "", "é?", "[!]]", "a/b/c", "[a-]", "a*/b?", "*[0-9]",
        ]
        let paths = [
            "", "a", "abc", "a/b", "a/b/c", "ax", "bx", "x", "]", "[", "a[", "foo.tgz", "d/foo.tgz", "aXbYc",
            "aXbYcZ",
            "éa", "-", "a/bc", "v9", "A", "/a", "a/",
        ]
        let program = """
            import json, sys; from tuf.api.metadata import DelegatedRole as D
            patterns, paths = json.loads(sys.argv[1])
            print("".join("01"[D("r", [], 1, False, [p]).is_delegated_path(x)] for p in patterns for x in paths))
            """
        let texts = { (values: [String]) in JSONValue.array(values.map(JSONValue.string)) }
        let theirs = try run(program, JSONValue.array([texts(patterns), texts(paths)]).description)
        let ours = patterns.flatMap { pattern in
            paths.map { PathPattern.matches(pattern, path: $0) ? "1" : "0" }
        }
        #expect(ours.joined() + "\n" == theirs)
        #expect(theirs.contains("1"))
    }

    @Test func manyStarsEndInTime() {
        let pattern = String(repeating: "*a", count: 200) + "b"
        #expect(!PathPattern.matches(pattern, path: String(repeating: "a", count: 2000)))
    }

    @Test(arguments: KeyKind.allCases) func keyIdentifiersEqualPythonTUFs(_ kind: KeyKind) throws {
        let key = try PrivateKey.generate(kind, rsaBits: 2048)
        let program = """
            import sys; from securesystemslib.signer import SSlibKey
            from cryptography.hazmat.primitives.serialization import load_pem_public_key
            print(SSlibKey.from_crypto(load_pem_public_key(sys.argv[1].encode())).keyid)
            """
        #expect(try run(program, key.publicKey.pem()) == Key(key.publicKey).keyID + "\n")
    }

    /// What this module writes is what python-tuf's client accepts: all kinds of keys, a rotation, and delegations.
    @Test func pythonTUFReadsOurRepositories() throws {
        let directory = try TemporaryDirectory()
        var repository = try TestRepository(
            kinds: ["root": .rsa, "timestamp": .ecdsaP256, "snapshot": .ed25519, "targets": .ecdsaP256]
        )
        repository.listsHashes = true
        repository.add("top.txt", "top")
        try repository.delegate(to: "team/\u{e9}", .paths(["team/*"]), terminating: true)
        repository.add("team/tool", "tool", to: "team/\u{e9}")
        for role in ["root", "timestamp", "targets", "root"] { try repository.rotate(role) }
        try repository.publishNext()
        let targets = repository.files.filter { !$0.key.hasSuffix(".json") }
        for (name, bytes) in repository.files {
            let file = URL(
                filePath: directory.file(targets[name] == nil ? "metadata/\(name)" : "targets/\(name)")
            )
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(),
                withIntermediateDirectories: true
            )
            try Data(bytes).write(to: file)
        }
        let program = """
            import os, sys
            from urllib.parse import urlparse
            from tuf.api.exceptions import DownloadHTTPError
            from tuf.ngclient import FetcherInterface, Updater
            class Files(FetcherInterface):
                def _fetch(self, url):
                    try:
                        with open(urlparse(url).path, "rb") as file:
                            return [file.read()]
                    except FileNotFoundError:
                        raise DownloadHTTPError("missing", 404)
            folder = sys.argv[1]
            os.mkdir(folder + "/host")
            with open(folder + "/metadata/1.root.json", "rb") as file:
                root = file.read()
            client = Updater(folder + "/host", f"file://{folder}/metadata/", folder + "/host",
                             f"file://{folder}/targets/", Files(), bootstrap=root)
            client.refresh()
            for path in sys.argv[2:]:
                with open(client.download_target(client.get_targetinfo(path)), "rb") as file:
                    print(file.read().decode())
            """
        #expect(try run(program, directory.path, "top.txt", "team/tool") == "top\ntool\n")
    }
}
