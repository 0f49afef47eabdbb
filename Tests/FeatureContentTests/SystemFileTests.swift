import Foundation
import JSON
import Templates
import TestSupport
import Testing

/// A certificate of its own authority, made by openssl.
func certificate(_ name: String) throws -> (pem: String, base64: String) {
    let folder = try TemporaryDirectory()
    let pem = try TestCertificate(in: folder, subject: name).pem
    return (pem, Data(pem.utf8).base64EncodedString())
}

@Suite struct NetworkFileTests {
    /// Names of /etc/hosts with their first addresses, read as hosts(5) says.
    private func addresses(_ text: String) -> [String: [String]] {
        var result: [String: [String]] = [:]
        for line in text.split(separator: "\n") {
            let words = line.prefix { $0 != "#" }.split { $0 == " " || $0 == "\t" }.map(String.init)
            for name in words.dropFirst() { result[name, default: []].append(words[0]) }
        }
        return result
    }

    @Test func hosts() throws {
        let content = try ImageContent()
        let plain = addresses(try content.render("hosts"))
        #expect(plain["localhost"] == ["127.0.0.1", "::1"])
        #expect(plain["ip6-loopback"] == ["::1"])
        let rich = addresses(
            try content.render(
                "hosts",
                """
                {"network": {"hostname": "worker-1", "hosts": [["192.0.2.7", ["db", "db.example.org"]],
                 ["::1", ["six"]], ["192.0.2.7", ["db2"]], ["2001:db8::7", ["db"]]]}}
                """
            )
        )
        #expect(rich["worker-1"] == ["127.0.0.1", "::1"])
        #expect(rich["db"] == ["192.0.2.7", "2001:db8::7"])
        #expect(rich["db2"] == ["192.0.2.7"])
        #expect(rich["six"] == ["::1"])
        let own = addresses(
            try content.render("hosts", #"{"network": {"hostname": "w", "hosts": [["192.0.2.7", ["w"]]]}}"#)
        )
        #expect(own["w"] == ["192.0.2.7"])
    }

    @Test(
        arguments: [
            ("hosts", #"{"network": {"hosts": [["192.0.2.7", ["a\n192.0.2.8 evil"]]]}}"#),
            ("hosts", #"{"network": {"hosts": [["192.0.2.7 evil", ["a"]]]}}"#),
            ("hosts", #"{"network": {"hostname": "a\nb"}}"#),
            ("hostname", #"{"network": {"hostname": "a\nb"}}"#),
            ("resolved", #"{"dns": {"name-servers": ["192.0.2.1\nDNSSEC=no"]}}"#),
            ("resolved", #"{"dns": {"search-list": ["a\\"]}}"#),
            ("timesyncd", #"{"ntp": {"time-servers": ["a b"]}}"#),
            ("proxy-env", #"{"network": {"https-proxy": "http://a\nLD_PRELOAD=x"}}"#),
            ("proxy-env", #"{"network": {"https-proxy": "http://a", "no-proxy": ["a\nLD_PRELOAD=x"]}}"#),
            ("proxy-env", #"{"network": {"https-proxy": "http://a", "no-proxy": ["a,b"]}}"#),
            ("sysctl", #"{"kernel": {"sysctl": {"a.b\nkernel.modprobe": "1"}}}"#),
            ("sysctl", #"{"kernel": {"sysctl": {"a.b": "1\nkernel.modprobe = /x"}}}"#),
            ("sysctl", #"{"kernel": {"sysctl": {"net.*": "1"}}}"#),
            ("modprobe", #"{"kernel": {"modules": {"a\ninstall b /x": {"allowed": false}}}}"#),
            ("modules-load", #"{"kernel": {"modules": {"a\nb": {"autoload": true}}}}"#),
            ("boot-sysctl", #"{"boot": {"kernel-parameters": {"sysctl.a.b": ["1\nc = 2"]}}}"#),
            ("lockdown", #"{"kernel": {"lockdown": "a b"}}"#),
            (
                "containerd-config",
                #"{"container-registry": {"mirrors": [{"registry": "a\"]\nb", "endpoint": ["x"]}]}}"#
            ),
            (
                "containerd-config",
                #"{"container-registry": {"credentials": [{"registry": "a]", "auth": "x"}]}}"#
            ),
            ("cri-base", #"{"oci-defaults": {"capabilities": {"kill\"]": true}}}"#),
        ] as [(String, String)]
    )
    func whatLeavesItsPlaceIsRefused(file: String, settings: String) throws {
        let bundle = try certificate("authority").pem
        let error = try #require(throws: TemplateError.self) {
            try ImageContent().render(file, settings, bundle: bundle)
        }
        guard case .refused = error.reason else {
            Issue.record("\(error)")
            return
        }
    }

    @Test func messageOfTheDay() throws {
        let content = try ImageContent()
        #expect(try content.render("motd", #"{"motd": "a\n{{b}} \"c\""}"#) == "a\n{{b}} \"c\"\n")
        #expect(try content.render("motd", #"{"motd": ""}"#) == "")
    }

    @Test func hostname() throws {
        #expect(try ImageContent().render("hostname") == "bulkhead\n")
        #expect(
            try ImageContent().render("hostname", #"{"network": {"hostname": "w.example"}}"#) == "w.example\n"
        )
    }

    @Test func names() throws {
        let content = try ImageContent()
        #expect(try content.render("resolved") == "[Resolve]\n")
        #expect(
            try content.render("resolved", #"{"dns": {"search-list": ["a.example", "b.example"]}}"#)
                == "[Resolve]\nDomains=a.example b.example\n"
        )
        #expect(
            try content.render(
                "resolved",
                #"{"dns": {"name-servers": ["192.0.2.53", "2001:db8::53"], "search-list": ["a.example"]}}"#
            ) == "[Resolve]\nDNS=192.0.2.53 2001:db8::53\nDomains=~. a.example\n"
        )
    }

    @Test func time() throws {
        let content = try ImageContent()
        let file = try #require(content.files["timesyncd"])
        let root = try TemporaryDirectory()
        let url = root.url.appending(path: file.path)
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(),
            withIntermediateDirectories: true
        )
        let text = try content.render(
            "timesyncd",
            #"{"ntp": {"time-servers": ["ntp.example", "192.0.2.123"]}}"#
        )
        #expect(text == "[Time]\nNTP=ntp.example 192.0.2.123\nFallbackNTP=\n")
        try text.write(to: url, atomically: true, encoding: .utf8)
        // systemd finds it where we put it.
        let (status, output) = try runTool(
            "systemd-analyze",
            "cat-config",
            "--root=\(root.path)",
            "systemd/timesyncd.conf"
        )
        #expect(status == 0)
        #expect(output.contains("NTP=ntp.example 192.0.2.123"), "\(output)")
        #expect(try content.render("timesyncd").contains("NTP=0.debian.pool.ntp.org 1.debian"))
    }

    /// The variables that a POSIX shell has behind the file, whose rules for quotes are those of systemd.exec(5).
    private func environment(_ text: String) throws -> [String: String] {
        let folder = try TemporaryDirectory()
        try text.write(toFile: folder.file("env"), atomically: true, encoding: .utf8)
        let (status, output) = try runTool(
            "env",
            ["-i", "/bin/sh", "-c", "set -a; . \(folder.file("env")); /usr/bin/env"]
        )
        #expect(status == 0)
        var result: [String: String] = [:]
        for line in output.split(separator: "\n") {
            let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2, parts[0].lowercased().hasSuffix("_proxy") {
                result[String(parts[0])] = String(parts[1])
            }
        }
        return result
    }

    @Test func proxy() throws {
        let content = try ImageContent()
        #expect(try content.render("proxy-env") == "")
        #expect(try content.render("proxy-env", #"{"network": {"no-proxy": ["a.example"]}}"#) == "")
        let variables = try environment(
            try content.render(
                "proxy-env",
                #"""
                {"network": {"https-proxy": "http://u:p$HOME`id`\"\\x@proxy.example:3128", "http-proxy": "http://h.example",
                 "no-proxy": [".example.org", "10.0.0.0/8"], "hostname": "w"}}
                """#
            )
        )
        #expect(variables["HTTPS_PROXY"] == #"http://u:p$HOME`id`"\x@proxy.example:3128"#)
        #expect(variables["https_proxy"] == variables["HTTPS_PROXY"])
        #expect(variables["HTTP_PROXY"] == "http://h.example")
        #expect(variables["no_proxy"] == "localhost,127.0.0.1,::1,.example.org,10.0.0.0/8,w")
        #expect(variables["NO_PROXY"] == variables["no_proxy"])
        let alone = try environment(
            try content.render("proxy-env", #"{"network": {"https-proxy": "http://p.example"}}"#)
        )
        #expect(alone["NO_PROXY"] == "localhost,127.0.0.1,::1")
        #expect(alone["HTTP_PROXY"] == nil)
    }
}

@Suite struct KernelFileTests {
    @Test func sysctls() throws {
        let content = try ImageContent()
        #expect(try content.render("sysctl") == "")
        let text = try content.render(
            "sysctl",
            #"{"kernel": {"sysctl": {"net.ipv4.tcp_rmem": " 4096\t87380 6291456 ", "kernel.panic": 7, "net/ipv4/conf/eth0.1/rp_filter": "1"}}}"#
        )
        #expect(
            text == """
                kernel.panic = 7
                net.ipv4.tcp_rmem = 4096 87380 6291456
                net/ipv4/conf/eth0.1/rp_filter = 1

                """
        )
        #expect(
            try content.render(
                "boot-sysctl",
                #"{"boot": {"kernel-parameters": {"sysctl.kernel.panic": ["5", "6"], "quiet": [], "console": ["tty0"]}}}"#
            ) == "kernel.panic = 6\n"
        )
    }

    @Test func tenThousandSysctlsFit() throws {
        let entries = (0..<10_000).map { "\"net.test.key\($0)\": \"\($0)\"" }.joined(separator: ",")
        let text = try ImageContent().render("sysctl", "{\"kernel\": {\"sysctl\": {\(entries)}}}")
        #expect(text.split(separator: "\n").count == 10_000)
    }

    /// What modprobe (package kmod) does with configuration files, in a tree of modules made for the purpose.
    private func modprobe(_ files: [String: String], _ arguments: String...) throws -> String {
        let folder = try TemporaryDirectory()
        let modules = folder.url.appending(path: "lib/modules/1.0")
        let config = folder.url.appending(path: "modprobe.d")
        for url in [modules, config] {
            try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        }
        let (built, message) = try runTool("depmod", ["-b", folder.path, "1.0"])
        try #require(built == 0, "\(message)")
        for (name, text) in files {
            try text.write(to: config.appending(path: name), atomically: true, encoding: .utf8)
        }
        // As in the image before settings are applied: a link that leads nowhere.
        try FileManager.default.createSymbolicLink(
            atPath: config.appending(path: "99-none.conf").path,
            withDestinationPath: "/nonexistent"
        )
        return try runTool("modprobe", ["-d", folder.path, "-S", "1.0", "-C", config.path] + arguments).output
    }

    @Test func modules() throws {
        let content = try ImageContent()
        #expect(try content.render("modprobe") == "")
        let settings = """
            {"kernel": {"modules": {"floppy": {"allowed": false, "autoload": true}, "usbcore": {"autoload": true},
                                    "dummy": {"allowed": true}}},
             "boot": {"kernel-parameters": {"usbcore.autosuspend": ["-1"], "usbcore.quirks": ["a b"], "rd.break": [],
                                            "usbcore.a": ["1\\ninstall c /x"], "usbcore.b": ["1\\\\"], "usbcore.c": ["#"]}}}
            """
        let files = [
            "90-settings.conf": try content.render("modprobe", settings),
            "80-boot.conf": try content.render("boot-modprobe", settings),
        ]
        #expect(
            files["90-settings.conf"]
                == "blacklist floppy\ninstall floppy /usr/lib/bulkhead/hostd refuse-module floppy\n"
        )
        let refused = try modprobe(files, "-n", "--show-depends", "floppy")
        #expect(refused.contains("install /usr/lib/bulkhead/hostd refuse-module floppy"), "\(refused)")
        let config = try modprobe(files, "--showconfig").split(separator: "\n")
        #expect(config.contains("blacklist floppy"))
        #expect(config.contains("options usbcore autosuspend=-1 quirks=\"a b\""), "\(config)")
        #expect(!config.contains { $0.contains("dummy") || $0.contains("rd") && $0.contains("break") })
        #expect(try content.render("modules-load", settings) == "usbcore\n")
    }

    @Test func lockdown() throws {
        #expect(try ImageContent().render("lockdown") == "integrity\n")
        #expect(try ImageContent().render("lockdown", #"{"kernel": {"lockdown": "none"}}"#) == "none\n")
    }
}

@Suite struct CertificateTests {
    /// The subjects of the certificates that openssl finds in a bundle.
    private func subjects(_ bundle: String) throws -> [String] {
        let folder = try TemporaryDirectory()
        try bundle.write(toFile: folder.file("bundle"), atomically: true, encoding: .utf8)
        let (status, output) = try runTool(
            "openssl",
            "storeutl",
            "-noout",
            "-text",
            "-certs",
            folder.file("bundle")
        )
        try #require(status == 0, "\(output)")
        return output.split(separator: "\n").filter { $0.contains("Subject: ") }
            .compactMap { $0.split(separator: "=").last.map { $0.trimmingCharacters(in: .whitespaces) } }
    }

    @Test func bundles() throws {
        let content = try ImageContent()
        let (one, two, three) = (try certificate("one"), try certificate("two"), try certificate("three"))
        let image =
            "# a comment\r\n" + one.pem.split(separator: "\n").joined(separator: "\r\n") + "\n" + two.pem
        #expect(try subjects(content.render("ca-certificates", bundle: image)) == ["one", "two"])
        let key = Data("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n\(three.pem)".utf8)
        // What the settings do not accept, here a key, is left out and costs nothing else.
        let settings = """
            {"pki": {"key": {"data": "\(key.base64EncodedString())", "trusted": true},
                     "open": {"data": "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==", "trusted": true},
                     "new": {"data": "\(three.base64)", "trusted": true}, "again": {"data": "\(one.base64)", "trusted": true}, "empty": {"trusted": true},
                     "out": {"data": "\(two.base64)", "trusted": false}}}
            """
        let bundle = try content.render("ca-certificates", settings, bundle: image)
        #expect(try subjects(bundle) == ["one", "three"])
        #expect(!bundle.contains("PRIVATE"))
    }
}
