import JSON
import Testing

@testable import SettingsModel

/// The model as a whole: documents in, documents and problems out.
@Suite struct ModelTests {
    /// Values that no setting of the named keys may have; the schema refuses them too.
    static let badDocument: JSONValue = [
        "motd": 42, "no-such-group": [:],
        "updates": [
            "seed": 2048, "version-lock": "newest", "ignore-waves": "true", "metadata-base-url": "ftp://a",
        ],
        "network": [
            "hostname": "-bad-", "hosts": [["192.0.2.1"]], "no-proxy": "localhost",
            "https-proxy": "socks5://a",
            "no-such": 1,
        ],
        "ntp": ["time-servers": ["a b"]],
        "dns": ["name-servers": ["dns.example.org"], "search-list": [".."]],
        "kernel": [
            "lockdown": "all", "modules": ["../a": ["allowed": true], "a": ["allowed": "yes"]],
            "sysctl": ["a..b": "1", "vm.max_map_count": .number(1.5), "vm.swappiness": ["1"]],
        ],
        "boot": ["kernel-parameters": ["console": "tty0"], "reboot-to-reconcile": 1],
        "host-containers": [
            "-a": ["enabled": true], "admin": ["source": "a b", "enabled": 1, "user-data": "?"],
        ],
        "bootstrap-containers": ["b": ["mode": "never", "essential": nil]],
        "bootstrap-commands": ["c": ["commands": [["sh", "-c"], []]]],
        "container-registry": ["mirrors": "docker.io", "credentials": [["registry": "a b", "token": "x"]]],
        "container-runtime": [
            "max-concurrent-downloads": -2, "snapshotter": "soci",
            "concurrent-download-chunk-size": "8 apples",
        ],
        "oci-defaults": [
            "capabilities": ["CAP_SYS_ADMIN": true, "bpf": 1],
            "resource-limits": ["max-open-files": ["hard-limit": -2, "soft-limit": "none"]],
        ],
        "pki": ["a": ["data": "?", "trusted": "no"]],
        "metrics": ["metrics-url": "x", "send-metrics": "no", "service-checks": ["containerd"]],
        "kubernetes": [
            "max-pods": -1, "cluster-dns-ip": "dns", "node-taints": ["a": "b"],
            "eviction-hard": ["disk": "1%"],
            "image-gc-high-threshold-percent": "101", "log-level": 256, "bootstrap-token": "secret-token",
            "cpu-manager-policy-options": ["fast"], "node-ip": "node",
        ],
        "swarm": [
            "role": "leader", "join-token": "SWMTKN-secret", "data-path-port": 80, "labels": ["a b": "c"],
        ],
    ]

    @Test func theExampleOfEverythingIsGood() throws {
        let document = try SettingsDocument(checking: SettingsReference.example)
        #expect(document.values.count > 130)
        // Each setting of the reference is there: the example leaves nothing out.
        let entries = Settings.fields.flatMap { SettingsReference.entries(of: $0.description, at: []) }
        #expect(entries.count > 130)
        for entry in entries {
            let key = SettingKey(
                entry.path.map {
                    switch $0 {
                    case .name(let name), .choice(let name): name
                    }
                }
            )
            #expect(document.values[key] != nil, "\(key)")
            #expect(entry.example != .null, "\(key) has no example")
        }
    }

    @Test func readingAndWritingTheExampleGivesItAgain() throws {
        let stored = try SettingsDocument(checking: SettingsReference.example).json
        // Through the typed model, which must understand the stored form of everything.
        var reader = SettingReader()
        let settings = try #require(Settings.read(stored, &reader), "\(reader.problems)")
        #expect(settings.json == stored)
        #expect(try SettingsDocument(checking: stored).json == stored)
        #expect(settings.network?.hostname?.text == "worker-1.example.org")
        #expect(settings.network?.hosts?.first?.names.map(\.text) == ["db", "db.example.org"])
        #expect(settings.hostContainers?.entries.first?.value.enabled == true)
        #expect(settings.kubernetes?.nodeTaints?.entries.first?.value.elements.count == 2)
        #expect(settings.containerRuntime?.concurrentDownloadChunkSize?.bytes == 8_000_000)
        #expect(settings.kernel?.sysctl?.entries.count == 2)
    }

    @Test func everyBadKeyIsNamedAtOnce() {
        let (good, problems) = SettingsDocument.sift(Self.badDocument)
        #expect(good.values.isEmpty, "\(good.values)")
        let expected = [
            "settings.motd", "settings.no-such-group", "settings.updates.seed",
            "settings.updates.version-lock",
            "settings.updates.ignore-waves", "settings.updates.metadata-base-url",
            "settings.network.hostname",
            "settings.network.hosts[0]", "settings.network.no-proxy", "settings.network.https-proxy",
            "settings.network.no-such", "settings.ntp.time-servers[0]", "settings.dns.name-servers[0]",
            "settings.dns.search-list[0]", "settings.kernel.lockdown", "settings.kernel.modules.\"../a\"",
            "settings.kernel.modules.a.allowed", "settings.kernel.sysctl.\"a..b\"",
            "settings.kernel.sysctl.\"vm.max_map_count\"", "settings.kernel.sysctl.\"vm.swappiness\"",
            "settings.boot.kernel-parameters.console", "settings.boot.reboot-to-reconcile",
            "settings.host-containers.-a", "settings.host-containers.admin.source",
            "settings.host-containers.admin.enabled", "settings.host-containers.admin.user-data",
            "settings.bootstrap-containers.b.mode", "settings.bootstrap-containers.b.essential",
            "settings.bootstrap-commands.c.commands[0]", "settings.bootstrap-commands.c.commands[1]",
            "settings.container-registry.mirrors", "settings.container-registry.credentials[0].registry",
            "settings.container-registry.credentials[0]", "settings.container-registry.credentials[0].token",
            "settings.container-runtime.max-concurrent-downloads", "settings.container-runtime.snapshotter",
            "settings.container-runtime.concurrent-download-chunk-size",
            "settings.oci-defaults.capabilities.CAP_SYS_ADMIN", "settings.oci-defaults.capabilities.bpf",
            "settings.oci-defaults.resource-limits.max-open-files.hard-limit",
            "settings.oci-defaults.resource-limits.max-open-files.soft-limit", "settings.pki.a.data",
            "settings.pki.a.trusted", "settings.metrics.metrics-url", "settings.metrics.send-metrics",
            "settings.metrics.service-checks[0]", "settings.kubernetes.max-pods",
            "settings.kubernetes.cluster-dns-ip", "settings.kubernetes.node-taints.a",
            "settings.kubernetes.eviction-hard.disk", "settings.kubernetes.image-gc-high-threshold-percent",
            "settings.kubernetes.log-level", "settings.kubernetes.bootstrap-token",
            "settings.kubernetes.cpu-manager-policy-options[0]", "settings.kubernetes.node-ip",
            "settings.swarm.role", "settings.swarm.join-token", "settings.swarm.data-path-port",
            "settings.swarm.labels.\"a b\"",
        ]
        #expect(problems.map(\.key).sorted() == expected.sorted())
        #expect(problems.allSatisfy { !$0.allowed.isEmpty })
        // The typed reading says the same.
        var reader = SettingReader()
        #expect(Settings.read(Self.badDocument, &reader) == nil)
        #expect(reader.problems.map(\.key).sorted() == expected.sorted())
    }

    @Test func goodSettingsSurviveBadNeighbours() {
        let (good, problems) = SettingsDocument.sift([
            "motd": "hi", "network": ["hostname": "a b", "no-proxy": ["localhost"]],
            "kernel": ["sysctl": ["vm.swappiness": 10, "..": "1"]],
        ])
        #expect(
            good.json
                == [
                    "motd": "hi", "network": ["no-proxy": ["localhost"]],
                    "kernel": ["sysctl": ["vm.swappiness": "10"]],
                ]
        )
        #expect(problems.map(\.key) == ["settings.kernel.sysctl.\"..\"", "settings.network.hostname"])
        #expect(
            problems.last?.description.hasPrefix(
                "settings.network.hostname: \"a b\" is not allowed: a host name"
            )
                == true
        )
    }

    @Test func bottlerocketsOtherFormsAreTaken() throws {
        let document = try SettingsDocument(checking: [
            "container-registry": ["mirrors": ["docker.io": ["https://mirror.example.org"]]],
            "kubernetes": [
                "cluster-dns-ip": "10.0.0.10", "node-taints": ["a": "b:NoSchedule"], "cloud-provider": "\"\"",
                "image-gc-high-threshold-percent": "85",
            ],
            "oci-defaults": [
                "resource-limits": ["max-processes": ["hard-limit": "unlimited", "soft-limit": -1]]
            ],
        ])
        #expect(
            document.json
                == [
                    "container-registry": [
                        "mirrors": [["registry": "docker.io", "endpoint": ["https://mirror.example.org"]]]
                    ],
                    "kubernetes": [
                        "cluster-dns-ip": ["10.0.0.10"], "node-taints": ["a": ["b:NoSchedule"]],
                        "cloud-provider": "", "image-gc-high-threshold-percent": 85,
                    ],
                    "oci-defaults": [
                        "resource-limits": [
                            "max-processes": ["hard-limit": "unlimited", "soft-limit": "unlimited"]
                        ]
                    ],
                ]
        )
    }

    @Test func mirrorsAndCredentialsNameTheirRegistry() {
        let (good, problems) = SettingsDocument.sift([
            "container-registry": [
                "mirrors": [[:], ["registry": "docker.io"], ["endpoint": ["https://a.example"]]],
                "credentials": [["username": "a", "password": "b"]],
            ]
        ])
        #expect(good.values.isEmpty)
        #expect(
            problems.map(\.key) == [
                "settings.container-registry.credentials[0].registry",
                "settings.container-registry.mirrors[0].registry",
                "settings.container-registry.mirrors[0].endpoint",
                "settings.container-registry.mirrors[1].endpoint",
                "settings.container-registry.mirrors[2].registry",
            ]
        )
    }

    @Test(
        arguments: [
            [:], ["username": "a"], ["password": "b"], ["password": "b", "auth": 1],
        ] as [JSONValue]
    )
    func aCredentialSaysWhoTheHostIs(settings: JSONValue) throws {
        var members = try #require(settings.members)
        members["registry"] = "docker.io"
        let (good, problems) = SettingsDocument.sift([
            "container-registry": ["credentials": [.object(members)]]
        ])
        #expect(good.values.isEmpty)
        // A value that is there and not allowed is told once, as itself.
        let place = "settings.container-registry.credentials[0]"
        #expect(problems.map(\.key) == [members["auth"] == nil ? place : "\(place).auth"])
        if members["auth"] == nil {
            #expect(
                problems.first?.allowed == "it must have auth, or username and password, or identitytoken"
            )
        }
    }

    @Test(
        arguments: [
            ["username": "a", "password": "b"], ["auth": "YTpi"], ["identitytoken": "t", "username": "a"],
        ] as [JSONValue]
    )
    func aCompleteCredentialIsTaken(settings: JSONValue) throws {
        var members = try #require(settings.members)
        members["registry"] = "docker.io"
        let document: JSONValue = ["container-registry": ["credentials": [.object(members)]]]
        #expect(try SettingsDocument(checking: document).json == document)
    }

    @Test(arguments: [[10, 11], [10, "unlimited"], [0, 1]] as [[JSONValue]])
    func aSoftLimitIsNotAboveTheHardLimitBesideIt(hardAndSoft: [JSONValue]) {
        let (hard, soft) = (hardAndSoft[0], hardAndSoft[1])
        let json: JSONValue = [
            "oci-defaults": [
                "resource-limits": [
                    "max-processes": ["hard-limit": hard, "soft-limit": soft],
                    "max-stack-size": ["hard-limit": soft, "soft-limit": hard],
                    "max-cpu-time": ["soft-limit": soft],
                    "max-file-size": ["hard-limit": hard, "soft-limit": hard],
                ]
            ]
        ]
        let (good, problems) = SettingsDocument.sift(json)
        #expect(problems.map(\.key) == ["settings.oci-defaults.resource-limits.max-processes.soft-limit"])
        #expect(good.values.count == 6)
        #expect(throws: InvalidSettings.self) { try SettingsDocument(checking: json) }
    }

    /// The kernel refuses it, and no container would start.
    @Test(arguments: ["unlimited", -1] as [JSONValue])
    func openFilesAreNeverUnlimited(value: JSONValue) {
        let (good, problems) = SettingsDocument.sift([
            "oci-defaults": [
                "resource-limits": [
                    "max-open-files": ["hard-limit": value, "soft-limit": 1024],
                    "max-processes": ["hard-limit": value],
                ]
            ]
        ])
        #expect(problems.map(\.key) == ["settings.oci-defaults.resource-limits.max-open-files.hard-limit"])
        #expect(problems.first?.allowed.contains("fs.nr_open") == true)
        #expect(good.values.count == 2)
    }

    @Test func theListsOfTheKernelAreWhole() {
        #expect(Capability.allCases.count == 41)
        #expect(LimitedResource.allCases.count == 16)
        #expect(Capability.sysTTYConfig.kernelName == "CAP_SYS_TTY_CONFIG")
        #expect(Set(LimitedResource.allCases.map(\.kernelName)).count == 16)
    }

    @Test func namesOfFieldsAreUniqueAndDocumented() {
        func check(_ shape: ValueShape, _ place: String) {
            switch shape.form {
            case .group(let fields):
                #expect(Set(fields.map(\.name)).count == fields.count, "\(place)")
                for field in fields {
                    #expect(field.summary.hasSuffix("."), "\(place).\(field.name)")
                    #expect(
                        field.name.utf8.allSatisfy { $0.isAlphanumeric || $0 == UInt8(ascii: "-") },
                        "\(place).\(field.name)"
                    )
                    check(field.type.shape, "\(place).\(field.name)")
                }
            case .map(_, let value, _): check(value.shape, "\(place).*")
            case .list(let element, _): check(element, "\(place)[]")
            default: break
            }
        }
        check(Settings.type.shape, "settings")
    }

    @Test func tenThousandKeysAreRead() throws {
        var members: [String: JSONValue] = [:]
        for number in 0..<10_000 { members["net.ipv4.conf.eth\(number).forwarding"] = .string("\(number)") }
        let document = try SettingsDocument(checking: ["kernel": ["sysctl": .object(members)]])
        #expect(document.values.count == 10_000)
        #expect(document.redacted == document)
        #expect(document.json["kernel"]?["sysctl"]?.members?.count == 10_000)
        #expect(document.beginning(with: "settings.kernel").values.count == 10_000)
        members["one.more"] = "1"
        let (good, problems) = SettingsDocument.sift(["kernel": ["sysctl": .object(members)], "motd": "hi"])
        #expect(good.values.count == 1)
        #expect(problems.map(\.key) == ["settings.kernel.sysctl"])
    }

    @Test func tenThousandBadKeysAreCounted() {
        var members: [String: JSONValue] = [:]
        for number in 0..<10_000 { members["bad key \(number)"] = "1" }
        let problems = SettingsDocument.sift(["kernel": ["sysctl": .object(members)]]).problems
        #expect(problems.count == SettingReader.maximumProblems + 1)
        #expect(
            problems.last?.description
                == "settings: 9800 more values are not allowed; correct those above first"
        )
    }

    @Test func problemsShowNothingThatHarmsATerminal() {
        let name = "\u{1b}[2J\u{202e}" + String(repeating: "x", count: 1_000_000)
        let problems = SettingsDocument.sift([
            name: 1, "motd": .string("\u{1b}]0;x\u{7}\u{9b}"), "dns": .string(name),
        ])
        .problems
        #expect(problems.count == 3)
        for problem in problems {
            #expect(problem.description.utf8.count < 2000)
            #expect(
                problem.description.unicodeScalars.allSatisfy {
                    $0.properties.generalCategory != .control && $0.properties.generalCategory != .format
                },
                "\(problem)"
            )
        }
    }

    @Test(arguments: [nil, true, 1, "settings", [], [["a": 1]]] as [JSONValue])
    func whatIsNoObjectIsNoDocument(_ json: JSONValue) {
        let (good, problems) = SettingsDocument.sift(json)
        #expect(good.values.isEmpty)
        #expect(problems.map(\.key) == ["settings"])
        let inner = SettingsDocument.sift([
            "network": json, "kernel": ["sysctl": json], "host-containers": ["a": json],
        ])
        #expect(inner.good.values.isEmpty)
        #expect(
            inner.problems.map(\.key).sorted()
                == ["settings.host-containers.a", "settings.kernel.sysctl", "settings.network"]
        )
    }

    @Test func keysHaveTypes() {
        func name(_ text: String) -> String? {
            (try? SettingKey(parsing: text)).flatMap(Settings.type(of:))?.shape.name
        }
        #expect(name("settings") == "group")
        #expect(name("settings.network") == "group")
        #expect(name("network.hostname") == "host name")
        #expect(name("settings.host-containers.admin.enabled") == "boolean")
        #expect(name("settings.kernel.sysctl.\"net.ipv4.ip_forward\"") == "sysctl value")
        #expect(name("settings.oci-defaults.capabilities.net-raw") == "boolean")
        for text in [
            "settings.nothing", "settings.network.hostname.more", "settings.kernel.sysctl.\"a..b\"",
            "settings.host-containers.-a", "settings.oci-defaults.capabilities.all",
            "settings.container-registry.credentials.registry",
        ] {
            #expect(name(text) == nil, "\(text)")
        }
    }

    @Test func settingsInsideOfSomeKeys() throws {
        let document = try SettingsDocument(
            checking: ["motd": "a", "dns": ["search-list": ["x"]], "network": ["hostname": "h"]]
        )
        func key(_ names: String...) -> SettingKey { SettingKey(names) }
        let (found, missing) = document.inside(anyOf: [
            key("motd"), key("dns"), key("network", "x"), key("ntp"),
        ])
        #expect(Set(found.values.keys) == [key("motd"), key("dns", "search-list")])
        #expect(missing == [key("network", "x"), key("ntp")])
        #expect(document.inside(anyOf: [key()]).found == document)
        #expect(document.inside(anyOf: []).found.values.isEmpty)
    }
}
