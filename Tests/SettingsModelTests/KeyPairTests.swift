import JSON
import Testing

@testable import SettingsModel

/// `key=value`, as people type it.
@Suite struct KeyPairTests {
    @Test(
        arguments: [
            ("motd=42", "settings.motd", "42"), ("motd=", "settings.motd", ""),
            ("motd=true", "settings.motd", "true"),
            ("motd=a=b", "settings.motd", "a=b"), ("settings.motd=\"x\"", "settings.motd", "\"x\""),
            ("updates.seed=42", "settings.updates.seed", 42),
            ("updates.ignore-waves=true", "settings.updates.ignore-waves", true),
            ("updates.version-lock=1.2.3", "settings.updates.version-lock", "1.2.3"),
            ("kernel.lockdown=none", "settings.kernel.lockdown", "none"),
            (
                "kernel.sysctl.\"net.ipv4.ip_forward\"=1", "settings.kernel.sysctl.\"net.ipv4.ip_forward\"",
                "1"
            ),
            ("kernel.sysctl.a=007", "settings.kernel.sysctl.a", "007"),
            ("dns.name-servers=[\"192.0.2.1\"]", "settings.dns.name-servers", ["192.0.2.1"]),
            ("kubernetes.cluster-dns-ip=10.0.0.10", "settings.kubernetes.cluster-dns-ip", "10.0.0.10"),
            ("kubernetes.cluster-dns-ip=[\"::1\"]", "settings.kubernetes.cluster-dns-ip", ["::1"]),
            (
                "kubernetes.image-gc-high-threshold-percent=80",
                "settings.kubernetes.image-gc-high-threshold-percent", 80
            ),
            ("kubernetes.node-labels.\"a.b/c\"=d=e", "settings.kubernetes.node-labels.\"a.b/c\"", "d=e"),
            (
                "container-runtime.concurrent-download-chunk-size=8mb",
                "settings.container-runtime.concurrent-download-chunk-size", "8mb"
            ),
            ("network={\"hostname\":\"a\"}", "settings.network", ["hostname": "a"]),
            (
                "oci-defaults.resource-limits.max-processes.hard-limit=unlimited",
                "settings.oci-defaults.resource-limits.max-processes.hard-limit", "unlimited"
            ),
        ] as [(String, String, JSONValue)]
    )
    func theModelSaysWhatAValueIs(_ text: String, _ key: String, _ value: JSONValue) throws {
        let pair = try SettingsDocument.parseKeyPair(text)
        #expect(pair.key.description == key)
        #expect(pair.value == value)
    }

    @Test(arguments: [
        ("", ""), ("motd", "motd"), ("=x", ""), ("no-such=1", "settings.no-such"),
        ("network.no-such=1", "settings.network.no-such"), ("settings=1", "settings"),
        ("updates.seed=x", "settings.updates.seed"),
        ("updates.ignore-waves=yes", "settings.updates.ignore-waves"),
        ("dns.name-servers=192.0.2.1", "settings.dns.name-servers"), ("a b=c", "a b"),
        ("kernel.sysctl.\"a=1", "kernel.sysctl.\"a=1"),
        ("kernel.sysctl.\"a..b\"=1", "settings.kernel.sysctl.\"a..b\""),
    ])
    func whatIsNoPairIsRefusedWithItsKey(_ text: String, _ key: String) {
        #expect {
            try SettingsDocument.parseKeyPair(text)
        } throws: { error in
            (error as? SettingProblem)?.key == key && !((error as? SettingProblem)?.allowed.isEmpty ?? true)
        }
    }

    @Test func allProblemsOfManyPairsAreNamed() {
        let (good, problems) = SettingsDocument.sift(keyPairs: [
            "motd=hi", "network.hostname=a b", "updates.seed=9999", "nonsense", "motd=there",
            "kubernetes.server-key=geheim",
        ])
        #expect(good.json == ["motd": "there"])
        #expect(
            problems.map(\.key)
                == [
                    "settings.network.hostname", "settings.updates.seed", "nonsense",
                    "settings.kubernetes.server-key",
                ]
        )
        #expect(!problems.contains { $0.description.contains("geheim") })
    }

    @Test func anUnknownKeySaysWhatThereIsInstead() {
        #expect {
            try SettingsDocument.parseKeyPair("network.host-name=a")
        } throws: { error in
            "\(error)".contains("settings.network has: hostname, hosts, http-proxy, https-proxy, no-proxy")
        }
    }
}
