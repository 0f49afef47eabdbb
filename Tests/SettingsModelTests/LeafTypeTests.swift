import Foundation
import JSON
import TestSupport
import Testing

@testable import SettingsModel

/// Every leaf type by itself.
@Suite struct LeafTypeTests {
    private func read(_ text: String, as type: ValueType) -> (value: JSONValue?, problems: [SettingProblem]) {
        var reader = SettingReader(at: SettingKey(["key"]))
        let value = type.check(.string(text), &reader)
        return (value, reader.problems)
    }

    @Test(arguments: leafTypes) func takesGoodTextsAndReadsThemBack(_ leaf: LeafType) throws {
        for text in leaf.good {
            let (value, problems) = read(text, as: leaf.type)
            #expect(problems.isEmpty, "\(text.debugDescription)")
            let stored = try #require(value?.string, "\(text.debugDescription)")
            #expect(read(stored, as: leaf.type).value == .string(stored), "not stable: \(stored)")
        }
    }

    @Test(arguments: leafTypes) func refusesBadTextsAndSaysWhatIsAllowed(_ leaf: LeafType) {
        for text in leaf.bad + leaf.refusedBeyondPattern {
            let (value, problems) = read(text, as: leaf.type)
            #expect(value == nil, "\(text.debugDescription)")
            #expect(problems.count == 1, "\(text.debugDescription)")
            #expect(problems.first?.key == "settings.key")
            #expect(problems.first?.allowed == leaf.type.shape.allowed)
        }
    }

    /// What no type may take, in every position of a text that is good otherwise.
    @Test(arguments: leafTypes) func refusesWhatHostileInputHidesInGoodTexts(_ leaf: LeafType) throws {
        let free: Set<String> = [
            SingleLineText.shape.name, CommandWord.shape.name, MessageText.shape.name,
        ]
        let hostile = ["\u{0}", "\r\n", "\u{7f}", "\u{85}", "\u{2028}"] + ["\n", "\u{1b}"]
        let lookalikes = ["\u{0430}", "\u{ff41}", "\u{2024}", "\u{ff0e}", "\u{0301}", "\u{202e}", "\u{200b}"]
        for text in leaf.good.prefix(4) {
            for addition in hostile + lookalikes {
                for candidate in [addition + text, text + addition, addition] {
                    if free.contains(leaf.type.shape.name) {
                        // Free text takes letters of all scripts, but never NUL.
                        if addition == "\u{0}" { #expect(read(candidate, as: leaf.type).value == nil) }
                    } else {
                        #expect(read(candidate, as: leaf.type).value == nil, "\(candidate.debugDescription)")
                    }
                }
            }
        }
    }

    @Test(arguments: leafTypes) func refusesVeryLongTextsAndOtherKindsOfJSON(_ leaf: LeafType) {
        for unit in ["a", "1", ".", "/", ":", "a.", "[", "🙂"] {
            #expect(
                read(String(repeating: unit, count: 100_000), as: leaf.type).value == nil || leaf.isUnbounded
            )
        }
        for json: JSONValue in [nil, true, 1, .number(1.5), ["a"], ["a": "b"], []] {
            var reader = SettingReader()
            #expect(leaf.type.check(json, &reader) == nil)
            #expect(reader.problems.count == 1)
        }
    }

    /// Python's `re` is not ours, so it says whether pattern and lengths of the schema mean what the Swift code does.
    @Test func patternsAgreeWithTheChecks() throws {
        var cases: [JSONValue] = []
        for leaf in leafTypes {
            let schema: JSONValue
            switch leaf.type.shape.form {
            case .text(let pattern, let length):
                schema = [
                    "pattern": .string(try #require(pattern)), "min": .integer(Int64(length.lowerBound)),
                    "max": .integer(Int64(length.upperBound)),
                ]
            case .choice(let words): schema = ["enum": .array(words.map { .string($0) })]
            default:
                Issue.record("\(leaf) is no text")
                continue
            }
            for (texts, expected) in [(leaf.good + leaf.refusedBeyondPattern, true), (leaf.bad, false)] {
                for text in texts {
                    cases.append([
                        "name": .string(leaf.description), "schema": schema, "text": .string(text),
                        "expected": .bool(expected),
                    ])
                }
            }
        }
        let folder = try TemporaryDirectory()
        try JSONValue.array(cases).description.write(
            toFile: folder.file("cases.json"),
            atomically: true,
            encoding: .utf8
        )
        // ECMA-262's `$` is the end of the text; Python's also matches in front of a line feed at the end.
        let program = #"""
            import json, re, sys
            wrong = 0
            cases = json.load(open(sys.argv[1]))
            for case in cases:
                schema, text = case["schema"], case["text"]
                if "enum" in schema:
                    fits = text in schema["enum"]
                else:
                    pattern = re.sub(r"\$$", r"\\Z", schema["pattern"])
                    fits = schema["min"] <= len(text) <= schema["max"] and bool(re.search(pattern, text))
                if fits != case["expected"]:
                    wrong += 1
                    print("%s: %r fits: %s" % (case["name"], text[:100], fits))
            print("%d cases, %d wrong" % (len(cases), wrong))
            sys.exit(wrong > 0)
            """#
        let (status, output) = try runTool("python3", "-c", program, folder.file("cases.json"))
        #expect(status == 0, "\(output)")
    }

    @Test func addressesAreStoredInOneSpelling() {
        let spellings = [
            "2001:DB8:0:0:0:0:0:1": "2001:db8::1", "0:0:0:0:0:0:0:0": "::", "1:0:0:2:0:0:0:3": "1:0:0:2::3",
            "1:0:2:3:4:5:6:7": "1:0:2:3:4:5:6:7", "::FFFF:192.0.2.1": "::ffff:192.0.2.1",
            "1:0:0:0:0:0:0:0": "1::",
            "0:0:1:2:3:4:5:6": "::1:2:3:4:5:6", "::ffff:c000:201": "::ffff:192.0.2.1",
        ]
        for (text, expected) in spellings { #expect(IPAddress(text)?.text == expected) }
        #expect(IPNetwork("2001:DB8::/32")?.text == "2001:db8::/32")
        #expect(HostName("Worker.Example.ORG")?.text == "worker.example.org")
        #expect(DomainName("Example.org.")?.text == "example.org")
        #expect(VersionLock("v1.2.3")?.text == "1.2.3")
    }

    /// `getaddrinfo` and friends live in Python's ipaddress: it must read every address as the same one.
    @Test func pythonReadsTheSameAddresses() throws {
        let texts = leafTypes.first { $0.description == "IPv6 address" }?.good ?? []
        let pairs = try texts.map {
            JSONValue.array([.string($0), .string(try #require(IPv6Address($0)).text)])
        }
        let program =
            "import ipaddress, json, sys; "
            + "sys.exit(any(ipaddress.ip_address(a) != ipaddress.ip_address(b) for a, b in json.loads(sys.argv[1])))"
        #expect(try runTool("python3", "-c", program, JSONValue.array(pairs).description).status == 0)
    }

    @Test func base64IsDecoded() {
        for bytes in [[], [0], [0, 255], [1, 2, 3], Array(0...255)] as [[UInt8]] {
            #expect(Base64Data(Data(bytes).base64EncodedString())?.bytes == bytes)
        }
        let longest = String(repeating: "A", count: Base64Data.maximumLength)
        #expect(Base64Data(longest)?.bytes.count == Base64Data.maximumLength / 4 * 3)
        #expect(Base64Data(longest + "AAAA") == nil)
    }

    @Test func sysctlPathsAreThoseOfSysctl8() {
        let paths = [
            "net.ipv4.ip_forward": "net/ipv4/ip_forward",
            "net/ipv4/conf/eth0.100/forwarding": "net/ipv4/conf/eth0.100/forwarding",
            "net.ipv4.conf.eth0/100.forwarding": "net/ipv4/conf/eth0.100/forwarding", "single": "single",
        ]
        for (text, path) in paths { #expect(SysctlKey(text)?.path == path) }
    }

    /// A certificate made by openssl is taken, with text around the blocks too, and a broken one is not.
    @Test func certificatesOfOpenSSLAreTaken() throws {
        let folder = try TemporaryDirectory()
        let made = try TestCertificate(in: folder, subject: "Test", key: .rsa)
        let (certificate, key) = (try made.pem, try made.keyPEM)
        func base64(_ text: String) -> String { Data(text.utf8).base64EncodedString() }
        #expect(PEMCertificates(base64(certificate))?.certificates == [certificate])
        let indented = certificate.split(separator: "\n").map { " \t\($0) " }.joined(separator: "\r\n\r\n")
        #expect(
            PEMCertificates(base64(indented + "\n" + certificate))?.certificates == [
                certificate, certificate,
            ]
        )
        #expect(PEMCertificates.certificates(inPEM: key + certificate) == [certificate])
        let trusted = certificate.replacingOccurrences(of: "CERTIFICATE", with: "TRUSTED CERTIFICATE")
        #expect(PEMCertificates(base64(trusted)) == nil)
        // Sequences that are no certificates: empty, with a number in it, with a length beyond the end.
        for body in ["MAA=", "MAMCAQA=", "MIAA", "MIT/////", "MAYwADAAAwE=", "MA=="] {
            let block = "-----BEGIN CERTIFICATE-----\n\(body)\n-----END CERTIFICATE-----\n"
            #expect(PEMCertificates(base64(certificate + block)) == nil, "\(body)")
        }
        #expect(PEMCertificates(base64("# a comment\n\(certificate)\r\n\(certificate)")) != nil)
        #expect(PEMPrivateKey(base64(key)) != nil)
        #expect(PEMCertificates(base64(certificate + key)) == nil)
        #expect(PEMPrivateKey(base64(key + key)) == nil)
        #expect(
            PEMCertificates(base64(certificate.replacingOccurrences(of: "-----END", with: "----END"))) == nil
        )
        #expect(PEMCertificates(base64(String(certificate.dropLast(40)))) == nil)
        var lines = certificate.split(separator: "\n")
        lines.remove(at: 3)
        #expect(PEMCertificates(base64(lines.joined(separator: "\n"))) == nil)
    }
}

extension LeafType {
    /// Whether a text of 100,000 plain characters may be good: Base64 is bounded at 1 MiB.
    fileprivate var isUnbounded: Bool { type.shape.name == Base64Data.shape.name }
}
