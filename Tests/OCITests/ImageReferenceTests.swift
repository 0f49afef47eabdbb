import OCI
import Testing

@Suite struct ImageReferenceTests {
    private static let hex = "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"

    /// From the tests of distribution/reference (normalize_test.go, reference_test.go), and the settings' own forms.
    @Test(arguments: [
        ("nginx", "docker.io/library/nginx:latest"),
        ("docker.io/nginx", "docker.io/library/nginx:latest"),
        ("index.docker.io/nginx:1", "docker.io/library/nginx:1"),
        ("dmcgowan/my_app", "docker.io/dmcgowan/my_app:latest"),
        ("docker.io/\(hex)", "docker.io/library/\(hex):latest"),
        ("localhost/control", "localhost/control:latest"),
        ("localhost:5000/control", "localhost:5000/control:latest"),
        ("localhost:5000", "docker.io/library/localhost:5000"),
        ("127.0.0.1:8000/foo/bar:1.2", "127.0.0.1:8000/foo/bar:1.2"),
        ("[fd00:1:2::3]:7505/foo/bar:x", "[fd00:1:2::3]:7505/foo/bar:x"),
        ("registry.example.org/a/b/c", "registry.example.org/a/b/c:latest"),
        ("Docker/docker", "Docker/docker:latest"),
        ("a/b@sha256:\(hex)", "docker.io/a/b@sha256:\(hex)"),
        ("a/b:tag@sha256:\(hex)", "docker.io/a/b:tag@sha256:\(hex)"),
        ("a-----b/c__d.e_f", "docker.io/a-----b/c__d.e_f:latest"),
        ("xn--n3h.com/myimage:xn--n3h.com", "xn--n3h.com/myimage:xn--n3h.com"),
        ("foo_bar.com:8080", "docker.io/library/foo_bar.com:8080"),
        ("test:5000/repo:tag", "test:5000/repo:tag"),
    ])
    func theFullForm(_ text: String, _ full: String) throws {
        let reference = try ImageReference(parsing: text)
        #expect(reference.description == full)
        #expect(try ImageReference(parsing: full) == reference)
    }

    @Test(arguments: [
        "", ":tag", "@sha256:\(hex)", "repo@sha256:ff", "repo@sha512:\(hex)\(hex)", "Uppercase:tag",
        "a/Uppercase/b", "test:5000/Uppercase/b:tag", "a/b/", "/a/b", "a//b", "a:", "a:-tag", "a:.tag",
        "a b", "a/b\n", "https://example.org/a", "_a", "a_", "a___b", "a._b", "a..b", "a.-b",
        "-a.example.org/b", "a-.example.org/b", "example..org/b", "example.org:0/b", "example.org:70000/b",
        "example.org:x/b", "[fd00::1/b", "[fd00::1]x/b", "[zz::1]/b", "[]:1/b", hex,
        "[fd00::1]:75050/b", "a@b@sha256:\(hex)", "grüße",
        "a:" + String(repeating: "t", count: 129),
        String(repeating: "a/", count: 128) + "a:tag",
        String(repeating: "x", count: 100_000),
    ])
    func whatIsNone(_ text: String) {
        #expect {
            try ImageReference(parsing: text)
        } throws: { error in
            guard case .badReference? = error as? OCIError else { return false }
            return "\(error)".utf8.count < 800 && !"\(error)".contains("\n")
        }
    }

    @Test func limits() throws {
        // "docker.io/" and 245 bytes are the 255 that a name may have.
        let longest = "a/" + String(repeating: "a", count: 243)
        #expect(try ImageReference(parsing: longest).name.utf8.count == 255)
        #expect(throws: OCIError.self) { try ImageReference(parsing: longest + "a") }
        let tag = String(repeating: "t", count: 128)
        #expect(try ImageReference(parsing: "a:\(tag)").tag == tag)
    }

    @Test func digests() throws {
        let digest = try ContentDigest(parsing: "sha256:\(Self.hex)")
        #expect(digest.description == "sha256:\(Self.hex)" && digest.hex == Self.hex)
        // sha256sum(1) of nothing.
        #expect(
            ContentDigest(of: []).hex == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        )
        for text in [
            "", "sha256:", "sha256:\(Self.hex)0", "SHA256:\(Self.hex)", Self.hex,
            "sha256:\(Self.hex.uppercased())", "sha256:../../../../etc/passwd",
        ] {
            #expect(throws: OCIError.self) { try ContentDigest(parsing: text) }
        }
    }
}
