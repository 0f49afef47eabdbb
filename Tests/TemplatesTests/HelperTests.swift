import JSON
import Templates
import Testing

/// What Bottlerocket's helper of the same name gives for the same input, unless a comment says otherwise.
@Suite struct BottlerocketHelperTests {
    @Test(
        arguments: [
            // any_enabled
            ("{{any_enabled x}}", #"{"x": [{"foo": [], "enabled": true}]}"#, "true"),
            ("{{any_enabled x}}", #"{"x": {"a": {"enabled": false}, "b": {"enabled": true}}}"#, "true"),
            ("{{any_enabled x}}", #"{"x": [{"enabled": "true"}]}"#, "false"),
            ("{{any_enabled x}}", #"{"x": {"state": "enabled"}}"#, "false"),
            ("{{any_enabled x}}", "{}", "false"),
            // base64_decode
            ("{{base64_decode x}}", #"{"x": "SGk="}"#, "Hi"),
            ("{{base64_decode x}}", #"{"x": ""}"#, ""),
            // join_map
            (
                #"{{join_map "=" "," "fail-if-missing" x}}"#, #"{"x": {"whats": "up", "hi": "there"}}"#,
                "hi=there,whats=up"
            ),
            (
                #"{{join_map "=" "," "fail-if-missing" x}}"#, #"{"x": {"hi": 42, "yo": true}}"#,
                "hi=42,yo=true"
            ),
            (#"{{join_map "=" "," "no-fail-if-missing" x}}"#, "{}", ""),
            // default
            (#"{{default "42" x}}"#, #"{"x": "hi"}"#, "hi"),
            (#"{{default "42" x}}"#, "{}", "42"),
            (#"{{default "42" x}}"#, #"{"x": false}"#, "false"),
            (#"{{default "42" x}}"#, #"{"x": 42.42}"#, "42.42"),
            ("{{default 42 x}}", "{}", "42"),
            ("{{default true x}}", "{}", "true"),
            // if_not_null
            ("{{#if_not_null x}}foo{{else}}bar{{/if_not_null}}", "{}", "bar"),
            ("{{#if_not_null x}}foo{{/if_not_null}}", #"{"x": null}"#, ""),
            ("{{#if_not_null x}}foo{{/if_not_null}}", #"{"x": 0}"#, "foo"),
            ("{{#if_not_null x}}foo{{/if_not_null}}", #"{"x": []}"#, "foo"),
            // join_array
            (#"{{join_array ", " x}}"#, #"{"x": []}"#, ""),
            (#"{{join_array ", " x}}"#, #"{"x": ["a", "b"]}"#, #""a", "b""#),
            (#"{{join_array "~ " x}}"#, #"{"x": ["a", "", "c"]}"#, #""a"~ ""~ "c""#),
            // goarch
            ("{{goarch x}}", #"{"x": "x86_64"}"#, "amd64"),
            ("{{goarch x}}", #"{"x": "arm64"}"#, "arm64"),
            // negate_or_else
            ("{{negate_or_else false x}}", #"{"x": true}"#, "false"),
            ("{{negate_or_else false x}}", #"{"x": false}"#, "true"),
            ("{{negate_or_else true x}}", "{}", "true"),
            // toml_encode
            ("{{toml_encode x}}", #"{"x": {"hello": "world"}}"#, #"{ hello = "world" }"#),
            ("{{toml_encode x}}", #"{"x": []}"#, "[]"),
            ("{{toml_encode x}}", #"{"x": [""]}"#, #"[""]"#),
            // join_node_taints
            ("{{join_node_taints x}}", "{}", ""),
            (
                "{{join_node_taints x}}",
                #"{"x": {"key1": ["value1:NoSchedule","value1:NoExecute"], "key2": ["value2:NoSchedule"]}}"#,
                "key1=value1:NoSchedule,key1=value1:NoExecute,key2=value2:NoSchedule"
            ),
            // host
            ("{{host x}}", #"{"x": "https://example.example.com/example/example"}"#, "example.example.com"),
            ("{{host x}}", #"{"x": "foo://example.com"}"#, "example.com"),
            ("{{host x}}", #"{"x": "https://User:pw@Example.com:8080?q"}"#, "example.com"),
            ("{{host x}}", #"{"x": "https://[2001:DB8::1]:443/"}"#, "[2001:db8::1]"),
            // kube_reserve_*
            ("{{kube_reserve_memory pods x}}", #"{"pods": 29, "x": "1024Mi"}"#, "1024Mi"),
            ("{{kube_reserve_memory pods x}}", #"{"pods": 0}"#, "255Mi"),
            ("{{kube_reserve_memory pods x}}", #"{"pods": 29}"#, "574Mi"),
            ("{{kube_reserve_cpu x}}", #"{"x": "30m"}"#, "30m"),
            // localhost_aliases, etc_hosts_entries
            (#"{{localhost_aliases "ipv4" hostname hosts}}"#, #"{"hostname": "localhost"}"#, "localhost"),
            (
                #"{{localhost_aliases "ipv4" hostname hosts}}"#,
                #"{"hostname": "n.example", "hosts": [["10.0.0.1", ["irrelevant", "n.example"]]]}"#, ""
            ),
            (
                #"127.0.0.1 localhost {{localhost_aliases "ipv4" hostname hosts}}"#,
                #"{"hostname": "", "hosts": [["127.0.0.1", ["test.example.com", "test"]]]}"#,
                "127.0.0.1 localhost test.example.com test"
            ),
            (
                #"::1 localhost {{localhost_aliases "ipv6" hostname hosts}}"#,
                #"{"hostname": "u.example", "hosts": [["::1", ["test.example.com", "test"]]]}"#,
                "::1 localhost u.example test.example.com test"
            ),
            (
                "{{etc_hosts_entries hosts}}",
                #"{"hosts": [["10.0.0.1", ["a.example", "a"]], ["127.0.0.1", ["b"]], ["::1", ["c"]], ["10.0.0.2", ["d"]], ["10.0.0.1", ["e"]]]}"#,
                "10.0.0.1 a.example a e\n10.0.0.2 d"
            ),
            ("{{etc_hosts_entries hosts}}", "{}", ""),
            // cidr_to_ipaddr
            ("{{cidr_to_ipaddr x}}", #"{"x": "192.168.3.0/24"}"#, "192.168.3.0"),
            ("{{cidr_to_ipaddr x}}", #"{"x": "fd00::/8"}"#, "fd00::"),
            // oci_defaults
            (
                #"{{oci_defaults "containerd" settings.oci-defaults.capabilities}}"#,
                #"{"settings": {"oci-defaults": {"capabilities": {"kill": true, "lease": false, "mac-admin": true, "mknod": true}}}}"#,
                """
                "bounding": ["CAP_KILL",
                "CAP_MAC_ADMIN",
                "CAP_MKNOD"],
                "effective": ["CAP_KILL",
                "CAP_MAC_ADMIN",
                "CAP_MKNOD"],
                "permitted": ["CAP_KILL",
                "CAP_MAC_ADMIN",
                "CAP_MKNOD"]

                """
            ),
            (
                #"{{oci_defaults "containerd" settings.oci-defaults.resource-limits}}"#,
                #"{"settings": {"oci-defaults": {"resource-limits": {"max-locked-memory": {"hard-limit": -1, "soft-limit": 18}}}}}"#,
                #"{ "type": "RLIMIT_MEMLOCK", "hard": 18446744073709551615, "soft": 18 }"#
            ),
            // Bottlerocket has no limits with one half.
            (
                #"{{oci_defaults "containerd" x section="resource-limits"}}"#,
                #"{"x": {"max-cpu-time": {"hard-limit": 5}, "max-file-size": {}, "max-processes": {"soft-limit": -1}}}"#,
                """
                { "type": "RLIMIT_CPU", "hard": 5, "soft": 5 },
                { "type": "RLIMIT_NPROC", "hard": 18446744073709551615, "soft": 18446744073709551615 }
                """
            ),
            // Two settings, changed one after the other: runc would refuse to start anything.
            (
                #"{{oci_defaults "containerd" x section="resource-limits"}}"#,
                #"{"x": {"max-cpu-time": {"hard-limit": 5, "soft-limit": "unlimited"}}}"#,
                #"{ "type": "RLIMIT_CPU", "hard": 5, "soft": 5 }"#
            ),
            (
                #"{{oci_defaults "containerd" x section="resource-limits"}}"#,
                #"{"x": {"max-open-files": {"hard-limit": "unlimited", "soft-limit": 2}, "max-cpu-time": {"hard-limit": 5, "soft-limit": 4}}}"#,
                """
                { "type": "RLIMIT_CPU", "hard": 5, "soft": 4 },
                { "type": "RLIMIT_NOFILE", "hard": 18446744073709551615, "soft": 2 }
                """
            ),
        ] as [(String, String, String)]
    )
    func gives(template: String, json: String, expected: String) throws {
        #expect(try render(template, json) == expected)
    }

    @Test(
        arguments: [
            ("{{base64_decode x}}", #"{"x": "hi"}"#), ("{{base64_decode x}}", #"{"x": "wygK"}"#),
            ("{{base64_decode x}}", "{}"), ("{{base64_decode x}}", #"{"x": "SGk=SGk="}"#),
            ("{{base64_decode x}}", #"{"x": "SGl="}"#), ("{{base64_decode x}}", #"{"x": "===="}"#),
            (#"{{join_map "=" "," "fail-if-missing" x}}"#, "{}"),
            (#"{{join_map "=" "," "sup" x}}"#, "{}"),
            (#"{{join_map "=" "," "fail-if-missing" x}}"#, #"{"x": {"hi": {"too": "deep"}}}"#),
            (#"{{join_map "=" "," "fail-if-missing" x}}"#, #"{"x": {"hi": null}}"#),
            (#"{{default "1" x}}"#, #"{"x": []}"#), ("{{default y x}}", "{}"),
            (#"{{join_array ", " x}}"#, #"{"x": [1]}"#), (#"{{join_array ", " x}}"#, "{}"),
            ("{{goarch x}}", #"{"x": "x86"}"#), ("{{goarch x}}", #"{"x": ""}"#),
            ("{{negate_or_else false x}}", #"{"x": ""}"#), ("{{negate_or_else 1 x}}", "{}"),
            ("{{toml_encode x}}", "{}"), ("{{toml_encode x}}", #"{"x": [null]}"#),
            ("{{host x}}", #"{"x": "example.com"}"#), ("{{host x}}", #"{"x": "https:///x"}"#),
            ("{{kube_reserve_memory pods x}}", #"{"pods": "ten"}"#),
            ("{{kube_reserve_memory pods x}}", #"{"pods": 9223372036854775807}"#),
            ("{{kube_reserve_cpu x}}", "{}"), ("{{kube_reserve_cpu x}}", #"{"x": {}}"#),
            (#"{{localhost_aliases "ipv5" x y}}"#, "{}"),
            ("{{etc_hosts_entries x}}", #"{"x": [["10.0.0.1"]]}"#),
            ("{{cidr_to_ipaddr x}}", #"{"x": "10.0.0.1"}"#),
            ("{{cidr_to_ipaddr x}}", #"{"x": "10.0.0.1/33"}"#),
            (#"{{oci_defaults "docker" capabilities}}"#, "{}"), (#"{{oci_defaults "containerd" x}}"#, "{}"),
            (#"{{oci_defaults "containerd" capabilities}}"#, #"{"capabilities": {"a\"]": true}}"#),
            (
                #"{{oci_defaults "containerd" resource-limits}}"#,
                #"{"resource-limits": {"max-open-files": {"hard-limit": -2, "soft-limit": 1}}}"#
            ),
        ] as [(String, String)]
    )
    func refuses(template: String, json: String) throws {
        guard case .refused(_, let reason) = try failure(template, json).reason else {
            Issue.record("\(template) was not refused by the helper")
            return
        }
        #expect(!reason.isEmpty)
    }

    @Test(
        arguments: [
            (0, "0m"), (1, "60m"), (2, "70m"), (3, "75m"), (4, "80m"), (5, "82m"), (6, "85m"), (47, "187m"),
            (48, "190m"),
        ]
    )
    func reservesProcessors(count: Int, expected: String) throws {
        let helpers = HelperSet.host(processors: count) { _ throws(HelperError) in "" }
        #expect(try render("{{kube_reserve_cpu x}}", helpers: helpers) == expected)
    }

    @Test(
        arguments: [
            ("is_bool", "false", true), ("is_bool", "12", false), ("is_number", "57", true),
            ("is_number", "0.5", true), ("is_number", "true", false), ("is_string", #""hello""#, true),
            ("is_string", "[]", false), ("is_array", "[1]", true), ("is_array", "{}", false),
            ("is_object", "{}", true), ("is_object", "null", false), ("is_null", "null", true),
            ("is_null", "0", false),
        ]
    )
    func tellsKinds(helper: String, value: String, expected: Bool) throws {
        #expect(
            try render("{{#if (\(helper) input)}}pass{{else}}fail{{/if}}", "{\"input\": \(value)}")
                == (expected ? "pass" : "fail")
        )
        #expect(try render("{{\(helper) settings.a.b.c}}") == (helper == "is_null" ? "true" : "false"))
    }
}

@Suite struct EncodingTests {
    /// Texts that try to leave their place.
    static let hostile = [
        "a\nb", "\"", "\\", "'", "a\"\n[plugins]\nx = \"", "$(reboot)", "`x`", "a b", "%h", "\u{0}", "\u{7f}",
        "\u{85}", "\u{2028}", "#", ";", "\r", "ü", "\u{1b}[2J", "'''", "\"\"\"",
    ]

    @Test(arguments: hostile)
    func errorsNeverShowValues(text: String) throws {
        let secret = "s3cret" + text
        let json = "{\"x\": \(JSONValue.quoted(secret)), \"l\": [\(JSONValue.quoted(secret))]}"
        let context = try JSONValue(parsing: json)
        for name in HelperSet.standard.names {
            for arguments in [
                "x", "l", "x x", "l l", "\" \" l", "1 x", "x 1", "x x x", "x x x x", "\"ipv4\" x l",
            ] {
                do throws(TemplateError) {
                    _ = try Template(parsing: "{{\(name) \(arguments)}}", name: "t").render(context: context)
                } catch {
                    #expect(!error.description.contains("s3cret"), "\(name) \(arguments)")
                }
            }
        }
    }

    @Test(arguments: hostile)
    func linesStayLines(text: String) throws {
        let json = "{\"x\": \(JSONValue.quoted(text)), \"l\": [\(JSONValue.quoted(text))]}"
        for template in ["{{json_encode x}}", "{{toml_encode x}}", "{{join_array \",\" l}}"] {
            let line = try render(template, json)
            #expect(line.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7f })
            // Both formats read it back as the same text; TOML's basic strings are JSON's with fewer escapes.
            #expect(try JSONValue(parsing: line) == .string(text))
        }
        for template in [
            "{{word x}}", "{{join_words \" \" l}}", "{{one_line x}}", "{{env_quote x}}", "{{unit_quote x}}",
            "{{module_name x}}", "{{sysctl_name x}}",
        ] {
            guard let line = try? render(template, json) else { continue }
            #expect(!line.unicodeScalars.contains { $0.value < 0x20 || $0 == "\u{85}" || $0 == "\u{2028}" })
            if template.contains("word") { #expect(!line.contains { " \"'\\#;`".contains($0) }) }
        }
    }

    @Test func intervals() throws {
        #expect(try render("{{interval_seconds x}}", #"{"x": "1h30m"}"#) == "5400")
        #expect(try render("{{json_encode (interval_seconds x)}}") == "null")
        #expect(throws: TemplateError.self) { try render("{{interval_seconds x}}", #"{"x": "5s"}"#) }
    }

    @Test func quotes() throws {
        #expect(try render("{{env_quote x}}", #"{"x": "a\"b\\c$d`e'f g"}"#) == #""a\"b\\c\$d\`e'f g""#)
        #expect(try render("{{unit_quote x}}", #"{"x": "a\"b\\c%d"}"#) == #""a\"b\\c%%d""#)
        #expect(try render("{{word x}} {{word 7}} {{word true}}", #"{"x": "a-b"}"#) == "a-b 7 true")
        #expect(try render("{{join_words \" \" x}}", #"{"x": ["a", "b"]}"#) == "a b")
        #expect(try render("{{join_words \" \" x}}") == "")
        #expect(
            try render("{{json_encode x}}", #"{"x": {"b": [1, null], "a": "q"}}"#)
                == #"{"a":"q","b":[1,null]}"#
        )
        #expect(
            try render("{{toml_encode x}}", #"{"x": {"a b": [1, 2.5, true], "": {}}}"#)
                == #"{ "" = {}, "a b" = [1, 2.5, true] }"#
        )
        #expect(
            try render(
                "{{has_line_feed x}}{{has_line_feed y}}{{has_line_feed z}}",
                #"{"x": "a\nb", "y": "a"}"#
            ) == "truefalsefalse"
        )
    }

    @Test func registries() throws {
        let mirrors = """
            {"x": [{"registry": "b", "endpoint": ["1", "2"]}, {"registry": "a", "endpoint": ["3"]},
                   {"registry": "b", "endpoint": ["2", "4"]}, {"registry": "_default", "endpoint": ["5"]},
                   {"registry": "*", "endpoint": ["6", "5"]}]}
            """
        #expect(
            try render(
                "{{#each (registry_mirrors x)}}{{registry}}:{{join_words \",\" endpoint}};{{/each}}",
                mirrors
            )
                == "*:5,6;a:3;b:1,2,4;"
        )
        let credentials = """
            {"x": [{"registry": "docker.io", "username": "1"}, {"registry": "a", "username": "2"},
                   {"registry": "index.docker.io", "username": "3"}, {"registry": "*", "username": "4"}]}
            """
        #expect(
            try render("{{#each (registry_credentials x)}}{{registry}}:{{username}};{{/each}}", credentials)
                == "a:2;registry-1.docker.io:3;"
        )
        #expect(
            try render("{{json_encode (registry_mirrors x)}}{{json_encode (registry_credentials x)}}")
                == "[][]"
        )
    }

    @Test(
        arguments: [
            ("sysctl.kernel.panic", BootParameter.sysctl("kernel.panic")),
            ("sysctl.net/ipv4/conf/eth0.1/forwarding", .sysctl("net/ipv4/conf/eth0.1/forwarding")),
            ("sysctl.-kernel.panic", .notHonoured), ("sysctl.*.x", .notHonoured), ("sysctl.", .notHonoured),
            ("usbcore.autosuspend", .moduleOption(module: "usbcore", parameter: "autosuspend")),
            ("systemd.log_level", .notHonoured), ("rd.break", .notHonoured), ("quiet", .notHonoured),
            ("console", .notHonoured), ("a.b\nc", .notHonoured), (".b", .notHonoured), ("a.", .notHonoured),
        ]
    )
    func bootParameters(name: String, expected: BootParameter) {
        #expect(BootParameter(name: name) == expected)
        #expect(BootParameter(name: name, values: ["a", "b c", ""]) == expected)
        guard case .moduleOption = expected else { return }
        for value in ["a#b", "it's", "\"", "\\", ";", "  ", "a\nb"] {
            #expect(BootParameter(name: name, values: ["a", value]) == .unwritable)
        }
    }

    @Test func bootParameterTables() throws {
        let json = """
            {"p": {"sysctl.kernel.panic": ["5", "6"], "usbcore.autosuspend": ["-1"], "usbcore.nousb": [], "usbcore.use": ["a b"],
                   "usbcore.quirks": ["1", "a#b"], "dummy.a": ["\\\"x\\\""], "dummy.b": ["a;b"], "dummy.c": [" "],
                   "quiet": [], "console": ["tty0"]}}
            """
        #expect(try render("{{json_encode (boot_sysctls p)}}", json) == #"{"kernel.panic":"6"}"#)
        #expect(
            try render("{{json_encode (boot_module_options p)}}", json)
                == #"{"usbcore":"autosuspend=-1 nousb use=\"a b\""}"#
        )
    }

    @Test func filesAreReadFromTheImageOnly() throws {
        let helpers = HelperSet.host(processors: 1) { path throws(HelperError) in "<\(path)>" }
        #expect(try render("{{file_contents \"/usr/share/x\"}}", helpers: helpers) == "</usr/share/x>")
        for path in ["/etc/shadow", "/usr/../etc/shadow", "usr/x", "/usr", ""] {
            #expect(throws: TemplateError.self) {
                try render("{{file_contents \"\(path)\"}}", helpers: helpers)
            }
        }
        #expect(try failure("{{file_contents \"/usr/x\"}}").reason == .unknownHelper("file_contents"))
    }
}
