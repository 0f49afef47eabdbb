import Foundation
import JSON
import Templates
import TestSupport
import Testing

@testable import ContainerImages

@Suite struct ConfigurationTests {
    private func read(_ text: String) throws -> RegistryConfiguration {
        try RegistryConfiguration(json: Array(text.utf8), path: "image-pull.json")
    }

    @Test func theRenderedFile() throws {
        let place = try TemporaryDirectory()
        defer { withExtendedLifetime(place) {} }
        try Data(
            #"""
            {"https-proxy": "http://proxy:3128", "http-proxy": null, "no-proxy": "localhost,10.0.0.0/8, .example.org",
             "certificates": "/etc/ssl/certs/ca-certificates.crt",
             "mirrors": [{"registry": "docker.io", "endpoint": ["https://a.example.org"]},
                         {"registry": "_default", "endpoint": ["http://b.example.org:5000"]},
                         {"registry": "docker.io", "endpoint": ["https://a.example.org", "https://c.example.org"]}],
             "credentials": [{"registry": "docker.io", "username": "one", "password": "p"},
                             {"registry": "registry-1.docker.io", "auth": "d29ya2VyOnNlOmNyZXQA"},
                             {"registry": "B.example.org:5000", "identitytoken": "t"}]}
            """#.utf8
        ).write(to: place.url.appending(path: "image-pull.json"))
        let configuration = try RegistryConfiguration(file: place.file("image-pull.json"))
        #expect(
            configuration
                == RegistryConfiguration(
                    mirrors: [
                        "docker.io": ["https://a.example.org", "https://c.example.org"],
                        "*": ["http://b.example.org:5000"],
                    ],
                    credentials: [
                        "registry-1.docker.io": .password(user: "worker", password: "se:cret"),
                        "b.example.org:5000": .identityToken("t"),
                    ],
                    httpsProxy: "http://proxy:3128",
                    noProxy: ["localhost", "10.0.0.0/8", ".example.org"],
                    authorities: "/etc/ssl/certs/ca-certificates.crt"
                )
        )
        #expect(try read("{}") == RegistryConfiguration())
        #expect(throws: ContainerImagesError.self) { try RegistryConfiguration(file: place.file("none")) }
    }

    @Test(arguments: [
        "", "[]", #"{"mirrors": {}}"#, #"{"mirrors": [1]}"#, #"{"mirrors": [{"endpoint": []}]}"#,
        #"{"mirrors": [{"registry": "a", "endpoint": "hunter2"}]}"#,
        #"{"credentials": [{"registry": "a"}]}"#, #"{"credentials": [{"username": "a"}]}"#,
        #"{"credentials": [{"registry": "a", "auth": "hunter2"}]}"#,
        #"{"credentials": [{"registry": "a", "auth": "aHVudGVyMg=="}]}"#,
        #"{"credentials": [{"registry": "a", "username": "b", "password": ["hunter2"]}]}"#,
        #"{"credentials": [{"registry": "a", "username": "b", "password": "hunter2}]}"#,
        #"{"no-proxy": ["hunter2"]}"#, #"{"https-proxy": 1}"#,
    ])
    func filesThatAreNone(_ text: String) {
        #expect {
            try read(text)
        } throws: { error in
            !"\(error)".contains("hunter2") && "\(error)".contains("image-pull.json")
        }
    }

    /// What the image's template makes of settings is what is read here.
    @Test func theTemplate() throws {
        let path = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "image/templates/image-pull.json")
        let template = try Template(
            parsing: try String(contentsOf: path, encoding: .utf8),
            name: "image-pull.json"
        )
        func rendered(_ settings: String) throws -> RegistryConfiguration {
            let context: JSONValue = ["settings": try JSONValue(parsing: settings)]
            return try read(try template.render(context: context))
        }
        let local = ["localhost", "127.0.0.0/8", "::1"]
        #expect(try rendered("{}") == RegistryConfiguration(noProxy: local))
        let settings = #"""
            {"network": {"https-proxy": "http://u:p%22@proxy:3128", "http-proxy": "http://plain:3128",
                         "no-proxy": [".example.org", "10.0.0.0/8"], "hostname": "host"},
             "pki": {"own": {"data": "eA==", "trusted": true}},
             "container-registry": {
               "mirrors": [{"registry": "_default", "endpoint": ["https://m.example.org"]}],
               "credentials": [{"registry": "docker.io", "username": "\"me", "password": "\\\""}]}}
            """#
        #expect(
            try rendered(settings)
                == RegistryConfiguration(
                    mirrors: ["*": ["https://m.example.org"]],
                    credentials: ["registry-1.docker.io": .password(user: #""me"#, password: #"\""#)],
                    httpProxy: "http://plain:3128",
                    httpsProxy: "http://u:p%22@proxy:3128",
                    noProxy: local + [".example.org", "10.0.0.0/8", "host"],
                    authorities: "/etc/ssl/certs/ca-certificates.crt"
                )
        )
    }

    /// As containerd 1.7 reads `registry.mirrors` (pkg/cri/sbserver/image_pull.go, registryEndpoints).
    @Test(arguments: [
        ("docker.io", [:], ["https://registry-1.docker.io/v2"]),
        ("a.org", ["docker.io": ["https://m.org"]], ["https://a.org/v2"]),
        ("a.org", ["*": ["https://m.org"]], ["https://m.org/v2?ns=a.org", "https://a.org/v2"]),
        (
            "a.org", ["*": ["https://m.org"], "a.org": ["http://n.org:5000/", "https://n.org/v2/hub"]],
            ["http://n.org:5000/v2?ns=a.org", "https://n.org/v2/hub?ns=a.org", "https://a.org/v2"]
        ),
        // The registry is not asked by https where its own entry says http.
        ("a.org:80", ["a.org:80": ["http://a.org:80"]], ["http://a.org:80/v2"]),
        ("docker.io", ["docker.io": ["https://registry-1.docker.io"]], ["https://registry-1.docker.io/v2"]),
        ("a.org", ["a.org": []], ["https://a.org/v2"]),
        (
            "a.org", ["a.org": ["localhost:5000", "m.org"]],
            ["http://localhost:5000/v2?ns=a.org", "https://m.org/v2?ns=a.org", "https://a.org/v2"]
        ),
        ("localhost:5000", [:], ["http://localhost:5000/v2"]),
        ("127.0.0.1", [:], ["http://127.0.0.1/v2"]),
        ("[::1]:5000", [:], ["http://[::1]:5000/v2"]),
        ("127.0.0.1.example.org", [:], ["https://127.0.0.1.example.org/v2"]),
    ])
    func endpoints(_ registry: String, _ mirrors: [String: [String]], _ expected: [String]) throws {
        let endpoints = try RegistryConfiguration(mirrors: mirrors).endpoints(for: registry)
        let urls = endpoints.map { $0.url("r", "x") }
        #expect(
            urls
                == expected.map { text in
                    let parts = text.split(separator: "?")
                    return parts[0] + "/r/x" + (parts.count == 2 ? "?\(parts[1])" : "")
                }
        )
    }

    @Test(arguments: [
        "ftp://a.org", "https://", "https:///v2", "https://user:hunter2@a.org", "file:///etc/passwd",
    ])
    func mirrorsThatAreNone(_ url: String) {
        #expect {
            try RegistryConfiguration(mirrors: ["*": [url]]).endpoints(for: "a.org")
        } throws: { error in
            !"\(error)".contains("hunter2")
        }
    }

    @Test func challenges() {
        let docker =
            #"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/x:pull,push""#
        #expect(
            Challenge.parse([docker]) == [
                Challenge(
                    scheme: "bearer",
                    parameters: [
                        "realm": "https://auth.docker.io/token", "service": "registry.docker.io",
                        "scope": "repository:library/x:pull,push",
                    ]
                )
            ]
        )
        // Several in one field and in several (RFC 9110, section 11.6.1).
        let several = Challenge.parse([
            #"Newauth realm="apps", type=1, title="Login to \"apps\"", Basic realm = "simple""#, "Negotiate",
            "",
            "BEARER  REALM=x",
        ])
        #expect(several.map(\.scheme) == ["newauth", "basic", "negotiate", "bearer"])
        #expect(several[0].parameters == ["realm": "apps", "type": "1", "title": #"Login to "apps""#])
        #expect(several[1].parameters == ["realm": "simple"] && several[3].parameters == ["realm": "x"])
        for text in ["", ",,,", "=", "\"", "Bearer realm=\"x", "Bearer \"\\", "\u{0}"] {
            #expect(Challenge.parse([text]).allSatisfy { $0.parameters.isEmpty }, "\(text)")
        }
        #expect(Challenge.parse([String(repeating: "a=\"b\\", count: 20_000)]).count < 2)
    }
}
