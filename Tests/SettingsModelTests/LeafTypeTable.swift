import JSON

@testable import SettingsModel

/// One leaf type with texts that it takes and texts that it refuses.
struct LeafType: CustomStringConvertible, Sendable {
    var type: ValueType
    var good: [String]
    var bad: [String]
    /// Refused by the type although the pattern, which can't say it, lets them through.
    var refusedBeyondPattern: [String] = []

    init<T: TextSetting>(_ type: T.Type, good: [String], bad: [String], beyondPattern: [String] = []) {
        self.type = ValueType(type)
        self.good = good
        self.bad = bad
        refusedBeyondPattern = beyondPattern
    }

    var description: String { type.shape.name }
}

private func long(_ text: String, _ count: Int) -> String { String(repeating: text, count: count) }

/// Every leaf type of texts.
let leafTypes: [LeafType] = [
    LeafType(
        HostName.self,
        good: ["a", "worker-1.example.org", "EXAMPLE.org", "1", "xn--bcher-kva.example", long("a", 63)],
        bad: ["-a", "a-", "a..b", ".a", "a.", "a_b", "a b", long("a", 64), "a.\(long("b", 64))"],
        beyondPattern: []
    ),
    LeafType(
        DomainName.self,
        good: ["cluster.local", "example.org.", "_ldap._tcp.example.org", "org"],
        bad: ["", ".", "..", "a..b", "-a.b", "a-.b", "~example.org"]
    ),
    LeafType(
        IPv4Address.self,
        good: ["0.0.0.0", "255.255.255.255", "192.0.2.1"],
        bad: [
            "256.0.0.1", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.4 ", "0x1.2.3.4", "1.2.3.-4", "1..3.4",
            "٣.0.0.1",
        ]
    ),
    LeafType(
        IPv6Address.self,
        good: [
            "::", "::1", "1::", "2001:db8::1", "1:2:3:4:5:6:7:8", "::ffff:192.0.2.1", "1:2:3:4:5:6:1.2.3.4",
            "1::2:1.2.3.4", "ABCD:EF01::", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "64:ff9b::192.0.2.33",
        ],
        bad: [
            ":", ":::", "1:2", "1::2::3", "1:2:3:4:5:6:7:8:9", "12345::", "g::", "::1%eth0", "[::1]",
            "1:2:3:4:5:6:7:",
            ":1:2:3:4:5:6:7", "::1.2.3", "1.2.3.4::", "1:2:3:4:5:6:7:1.2.3.4", "1:2:3:4:5:6:7:8::",
            "::256.0.0.1",
        ]
    ),
    LeafType(
        IPAddress.self,
        good: ["192.0.2.1", "2001:db8::1"],
        bad: ["example.org", "1", "192.0.2.1/24", "fe80::1%2"]
    ),
    LeafType(
        IPNetwork.self,
        good: ["10.0.0.0/8", "0.0.0.0/0", "192.0.2.1/32", "2001:db8::/32", "::/0", "::1/128"],
        bad: [
            "10.0.0.0", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/08", "::/129", "/8", "10.0.0.0/8/8",
            "10.0.0.0/",
        ]
    ),
    LeafType(
        WebURL.self,
        good: [
            "https://example.org", "http://example.org:80/", "https://192.0.2.1/a/b?c=d&e=%20",
            "http://[::1]:8080/x",
            "https://example.org?x",
        ],
        bad: [
            "ftp://example.org", "https://", "https://user@example.org/", "https://example.org/#a",
            "example.org",
            "https://example.org:0/", "https://example.org:65536", "https://example.org/a b",
            "https://example.org/%zz",
            "https://exa_mple.org", "HTTPS://example.org", "https://[::1", "https:///path",
            "https://example.org\\@a",
        ]
    ),
    LeafType(
        ProxyURL.self,
        good: [
            "http://proxy.example.org:3128", "proxy.example.org:3128", "https://user:pass%40@192.0.2.1/",
            "proxy", "[::1]:80",
        ],
        bad: [
            "socks5://proxy", "http://proxy/path", "http://a b@proxy", "@proxy", "http://a@b@proxy",
            "proxy:0", "http://",
        ]
    ),
    LeafType(
        NoProxyEntry.self,
        good: [
            "*", "localhost", ".example.org", "*.example.org", "192.0.2.1", "10.0.0.0/8", "example.org:8080",
            "::1", "[::1]:80",
            "2001:db8::/32",
        ],
        bad: ["", "a,b", "http://a", "*a", "**", ".", "a b", "a:b", "10.0.0.0/99", "*.[::1]"]
    ),
    LeafType(
        HostAddress.self,
        good: ["time.example.org", "192.0.2.1", "2001:db8::1"],
        bad: ["http://time.example.org", "time.example.org:123", "[::1]", "a b"]
    ),
    LeafType(
        HostPort.self,
        good: ["192.0.2.1:2377", "manager", "[::1]:2377", "[::1]"],
        bad: ["::1", "manager:", "manager:0", "manager:x", ":2377", "[::1", "[a]:1"]
    ),
    LeafType(
        LocalAddress.self,
        good: ["eth0", "192.0.2.1", "0.0.0.0:2377", "[::]:2377", "::1", "enp0s3:1", "br-1a2b3c4d5e6f"],
        bad: ["", ":2377", "eth0:", "eth0:99999", "a/b", long("e", 16), "eth 0", "-a", "a:b:c"]
    ),
    LeafType(
        RegistryName.self,
        good: ["docker.io", "localhost:5000", "*", "_default"],
        bad: ["[::1]:5000", "[::1]", "https://docker.io", "docker.io/library", "**", "docker.io:", "a b"]
    ),
    LeafType(
        SemanticVersion.self,
        good: ["0.0.0", "1.2.3", "v1.2.3", "1.0.0-rc.1+build.5", "1.0.0--", "1.0.0-0a"],
        bad: [
            "1", "1.2", "01.2.3", "1.2.3-", "1.2.3+", "1.2.3-01", "1.2.3-a..b", "v", "vv1.2.3", "latest",
            "1.2.3+a+b",
        ]
    ),
    LeafType(VersionLock.self, good: ["latest", "1.2.3", "v1.2.3"], bad: ["Latest", "newest", "1.2"]),
    LeafType(
        UpdateCheckInterval.self,
        good: ["10m", "90m", "9999m", "1h", "999h", "1h0m", "1h30m", "24h59m"],
        bad: [
            "", "9m", "09m", "010m", "10000m", "0h", "0h30m", "1h60m", "1h030m", "1000h", "1h30", "h", "m",
            "1h30m1h",
            "10s", "1.5h", "-1h", "1d", "١٠m", "10m1h", "1hm",
        ]
    ),
    LeafType(
        GoDuration.self,
        good: ["30s", "1m30s", "1.5h", "100ms", "0s", "1h2m3s4ms", "5us"],
        bad: ["30", "s", "1m 30s", "-1s", "1..5s", ".5s", "1.s", "1d", "1e3s", "٣s", "1.2.3s"],
        beyondPattern: ["9999999999999h"]
    ),
    LeafType(
        SysctlKey.self,
        good: ["net.ipv4.ip_forward", "net/ipv4/conf/eth0.100/forwarding", "a", "fs.aio-nr", long("a", 128)],
        bad: [
            "", "..", "a..b", "a./b", ".a", "/a", "a/", "a.", "../a", "-a", "-a.b", "-", "net.*", "a b",
            "a\"b", long("a", 129),
        ]
    ),
    LeafType(
        SysctlPattern.self,
        good: ["net.core.somaxconn", "kernel.shm*", "net.ipv4.*", "net/ipv4/*"],
        bad: ["*", ".*", "-a", "-a.*", "net.*.x", "net.**", "net..*", ""]
    ),
    LeafType(
        KernelModuleName.self,
        good: ["br_netfilter", "dm-verity", "8021q", long("a", 56)],
        bad: ["", "a/b", "../a", "a.ko", "-a", "_a", "a b", long("a", 57)]
    ),
    LeafType(
        BootParameterName.self,
        good: ["console", "systemd.log_level", "usbcore.quirks", "-a"],
        bad: ["", "a=b", "a b", ".", "a..b", "a.", "\"a\""]
    ),
    LeafType(
        BootParameterValue.self,
        good: ["", "ttyS1,115200n8", "a b", "it's", "say \"a\"", "{}#;"],
        bad: ["a\nb", "both ' and \"", "Ï", "\u{7f}", long("a", 1025)]
    ),
    LeafType(
        Identifier.self,
        good: ["admin", "a", "10-motd", "Admin2", long("a", 63)],
        bad: ["", "-a", "a-", "a--b", "a_b", "a.b", "a/b", long("a", 64)]
    ),
    LeafType(
        UnitName.self,
        good: ["containerd.service", "systemd-fsck@dev-vda1.service", "dev-disk\\x2d1.swap", "a.b.socket"],
        bad: ["containerd", ".service", "a/b.service", "a b.service", "a.exe", ""]
    ),
    LeafType(
        ImageReference.self,
        good: [
            "busybox", "library/busybox:1.36", "registry.example.org:5000/team/image:v1.2_3",
            "localhost/a@sha256:\(long("0", 64))", "a.b/c/d:e@sha256:\(long("f", 64))", "a__b/c--d",
            "[::1]:80/a",
        ],
        bad: [
            "", "Busybox", "a//b", "/a", "a/", "a:", "a:b:c", "a@sha256:abc", "a@md5:\(long("0", 32))",
            "a___b", "a..b",
            "a-", "https://example.org/a", "a b", "a:-x", "a@", "a@sha256:\(long("A", 64))",
            "a@sha512:\(long("f", 128))",
        ],
        beyondPattern: [long("a", 256), long("a", 238), long("0", 64)]
    ),
    LeafType(
        Base64Data.self,
        good: ["", "YQ==", "YWI=", "YWJj", "+/+/"],
        bad: [
            "Y", "YQ", "YQ=", "YQ===", "YR==", "YWJ=", "YW=j", "YQ==YQ==", "YW\nJj", "YWJj\n", "-_-_", "====",
        ]
    ),
    LeafType(
        PEMCertificates.self,
        good: [ExampleCertificate.base64],
        bad: ["", "not base64", "-----BEGIN CERTIFICATE-----"],
        beyondPattern: [
            "YWJj", ExampleCertificate.emptyKey, String(ExampleCertificate.base64.prefix(400)),
            // BEGIN and END without anything that is a certificate.
            "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCi0tLS0tRU5EIENFUlRJRklDQVRFLS0tLS0K",
        ]
    ),
    LeafType(
        PEMPrivateKey.self,
        good: [ExampleCertificate.emptyKey],
        bad: ["", "?"],
        beyondPattern: ["YWJj", ExampleCertificate.base64]
    ),
    LeafType(
        Quantity.self,
        good: ["0", "500m", "10Mi", "1.5Gi", "129e6", "-1", "+.5", "5.", "1E", "1E3", "100k"],
        bad: ["", ".", "1.2.3", "10MiB", "10 Mi", "Mi", "10ki", "1e", "1e+", "10%", "1Eii"]
    ),
    LeafType(
        EvictionThreshold.self,
        good: ["10%", "0.5%", "100Mi", "99.9%"],
        bad: ["100%", "-1%", "%", "1%%", "10.%", "many"]
    ),
    LeafType(
        SingleLineText.self,
        good: ["", "a b", "täglich", "🙂"],
        bad: ["a\nb", "a\u{2028}b", "a\u{0}", "a\u{85}b", long("a", 4097)]
    ),
    LeafType(CommandWord.self, good: ["", "a\nb", "--x=y"], bad: ["a\u{0}b", long("a", 16385)]),
    LeafType(
        MessageText.self,
        good: ["", "a\nb\tc", "grüß"],
        bad: ["\u{1b}[2J", "\u{0}", "\r", "\u{9b}1m"]
    ),
    LeafType(EnvironmentName.self, good: ["PATH", "_a1"], bad: ["", "1a", "a-b", "a=b"]),
    LeafType(
        LabelKey.self,
        good: ["disk", "example.org/disk", "a_b.c-d", "\(long("a", 63))"],
        bad: ["", "/a", "a/", "a/b/c", "-a", "a-", "Example.org/a", "exa_mple/a", long("a", 64), "a b"]
    ),
    LeafType(LabelValue.self, good: ["", "ssd", "a_b.c"], bad: ["-a", "a/b", "a b", long("a", 64)]),
    LeafType(
        TaintValue.self,
        good: ["batch:NoSchedule", ":NoExecute", "a:PreferNoSchedule"],
        bad: ["batch", "batch:", "batch:noschedule", "-a:NoSchedule", "a:b:NoSchedule"]
    ),
    LeafType(
        ClusterName.self,
        good: ["example", "a-b_c", long("a", 100)],
        bad: ["", "-a", "_a", "a.b", long("a", 101)]
    ),
    LeafType(
        BootstrapToken.self,
        good: ["abcdef.0123456789abcdef"],
        bad: [
            "", "ABCDEF.0123456789abcdef", "abcdef0123456789abcdef", "abcdef.0123456789abcde",
            "abcdef.0123456789abcdefg",
        ]
    ),
    LeafType(
        SwarmToken.self,
        good: ["SWMTKN-1-\(long("a", 50))-\(long("0", 25))"],
        bad: [
            "", "SWMTKN-1-a-b", "SWMTKN-3-\(long("a", 50))-\(long("0", 25))",
            "SWMTKN-1-\(long("A", 50))-\(long("0", 25))",
        ]
    ),
    LeafType(
        CPUSet.self,
        good: ["0", "0-3", "0-3,8", "1,2,3"],
        bad: ["", ",", "0-", "-3", "0-3-5", "00", "a", "0, 1"],
        beyondPattern: ["3-0"]
    ),
    LeafType(Capability.self, good: ["net-raw", "bpf"], bad: ["NET_RAW", "CAP_NET_RAW", "cap-net-raw", ""]),
    LeafType(LimitedResource.self, good: ["max-open-files"], bad: ["nofile", ""]),
    LeafType(BootstrapMode.self, good: ["off", "once", "always"], bad: ["", "Off", "never"]),
    LeafType(Lockdown.self, good: ["none", "integrity", "confidentiality"], bad: ["", "all"]),
    LeafType(Snapshotter.self, good: ["overlayfs", "native"], bad: ["soci", ""]),
    LeafType(AuthenticationMode.self, good: ["aws", "tls"], bad: ["", "x509"]),
    LeafType(CloudProvider.self, good: ["", "\"\"", "external", "aws"], bad: ["gcp"]),
    LeafType(HostnameOverrideSource.self, good: ["instance-id", "private-dns-name"], bad: ["", "dns"]),
    LeafType(ManagerPolicy.self, good: ["none", "static", "None", "Static"], bad: ["", "STATIC"]),
    LeafType(CPUManagerOption.self, good: ["full-pcpus-only"], bad: ["", "full"]),
    LeafType(TopologyManagerPolicy.self, good: ["none", "best-effort"], bad: ["", "best"]),
    LeafType(TopologyManagerScope.self, good: ["pod", "container"], bad: ["", "node"]),
    LeafType(MemorySwapBehavior.self, good: ["NoSwap", "LimitedSwap"], bad: ["", "UnlimitedSwap"]),
    LeafType(ReservedResource.self, good: ["cpu", "ephemeral-storage"], bad: ["", "gpu"]),
    LeafType(EvictionSignal.self, good: ["memory.available"], bad: ["", "memory"]),
    LeafType(SwarmRole.self, good: ["worker", "manager"], bad: ["", "leader"]),
    LeafType(SwarmAvailability.self, good: ["active", "pause", "drain"], bad: ["", "gone"]),
]
