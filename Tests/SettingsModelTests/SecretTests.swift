import JSON
import Testing

@testable import SettingsModel

/// Secrets are stored and shown by `GET /settings`, and nowhere else.
@Suite struct SecretTests {
    @Test func secretsAreReplacedAndNothingElseIs() throws {
        let document = try SettingsDocument(checking: [
            "motd": "hi", "network": ["https-proxy": "http://user:pass@proxy:80", "no-proxy": ["a"]],
            "host-containers": ["admin": ["user-data": "c2VjcmV0", "enabled": true]],
            "container-registry": [
                "credentials": [
                    ["registry": "a.example.org", "username": "u", "password": "secret"],
                    ["registry": "b.example.org", "auth": "c2VjcmV0"],
                ]
            ],
            "kubernetes": [
                "bootstrap-token": "abcdef.0123456789abcdef",
                "credential-providers": ["ecr": ["enabled": true, "environment": ["KEY": "secret"]]],
            ],
        ])
        #expect(
            document.redacted.json
                == [
                    "motd": "hi", "network": ["https-proxy": "***", "no-proxy": ["a"]],
                    "host-containers": ["admin": ["user-data": "***", "enabled": true]],
                    "container-registry": [
                        "credentials": [
                            ["registry": "a.example.org", "username": "u", "password": "***"],
                            ["registry": "b.example.org", "auth": "***"],
                        ]
                    ],
                    "kubernetes": [
                        "bootstrap-token": "***",
                        "credential-providers": ["ecr": ["enabled": true, "environment": ["KEY": "***"]]],
                    ],
                ]
        )
    }

    @Test func keysKnowWhetherTheyAreSecret() throws {
        func isSecret(_ text: String) throws -> Bool {
            SettingsDocument.isSecret(try SettingKey(parsing: text))
        }
        for text in [
            "kubernetes.bootstrap-token", "kubernetes.server-key", "swarm.join-token",
            "host-containers.a.user-data",
            "container-registry.credentials", "kubernetes.credential-providers.ecr.environment.KEY",
            "kubernetes", "settings",
        ] {
            #expect(try isSecret(text), "\(text)")
        }
        for text in [
            "motd", "network.hostname", "container-registry.mirrors", "host-containers.a.enabled", "nothing",
        ] {
            #expect(try !isSecret(text), "\(text)")
        }
    }

    /// Where a value is refused, the message must not give the secret away; where none can be in it, it is shown.
    @Test func problemsDoNotShowSecrets() {
        let secret = "s3cret"
        let documents: [JSONValue] = [
            .string(secret), [.string(secret)], ["container-registry": .string(secret)],
            ["container-registry": ["credentials": .string(secret)]],
            ["container-registry": ["credentials": ["password": .string(secret)]]],
            ["container-registry": ["credentials": [["password": [.string(secret)]]]]],
            ["container-registry": ["credentials": [["auth": .string(secret)]]]],
            ["container-registry": ["credentials": [[.string(secret)]]]],
            ["host-containers": ["a": ["user-data": .string(secret)]]],
            ["host-containers": ["a": .string(secret)]],
            ["host-containers": .string(secret)], ["kubernetes": ["bootstrap-token": .string(secret)]],
            ["kubernetes": ["server-key": .string(secret)]],
            ["swarm": ["join-token": ["a": .string(secret)]]],
            ["kubernetes": ["credential-providers": ["e": ["environment": .string(secret)]]]],
            ["kubernetes": ["credential-providers": ["e": ["environment": ["A": [.string(secret)]]]]]],
            ["network": ["https-proxy": .string("http://user:\(secret)@")]],
        ]
        for document in documents {
            var reader = SettingReader()
            reader.hiding = .contents
            #expect(Settings.read(document, &reader) == nil)
            for problems in [SettingsDocument.sift(document).problems, reader.problems] {
                #expect(!problems.isEmpty, "\(document)")
                #expect(!problems.contains { $0.description.contains(secret) }, "\(problems)")
            }
        }
        let shown = SettingsDocument.sift([
            "container-registry": [
                "credentials": [["registry": "a b", "username": "u", "password": "s3cret"]]
            ]
        ])
        #expect(shown.problems.map(\.value) == ["\"a b\""])
        #expect(SettingsDocument.sift(["kubernetes": 42]).problems.map(\.value) == ["42"])
    }
}
