import JSON
import TOML
import Testing

@Suite struct TOMLDocumentTests {
    private func read(_ text: String) throws -> JSONValue { try JSONValue(parsingTOML: text) }

    @Test func tablesBecomeObjects() throws {
        let document = try read(
            """
            # user data
            motd = "hi"   # a comment

            [network]
            hostname = 'node-1'
            [ntp]
            time-servers = [
              "a.example", # first
              "b.example",
            ]
            [kernel.sysctl]
            "net.ipv4.ip_forward" = "1"
            [host-containers]
            admin = { enabled = true, "user-data" = "eA==" }
            [[container-registry.mirrors]]
            registry = "docker.io"
            endpoint = ["https://one"]
            [[container-registry.mirrors]]
            registry = "quay.io"
            [container-registry.mirrors.inner]
            x = 1
            """
        )
        #expect(
            document == [
                "motd": "hi",
                "network": ["hostname": "node-1"],
                "ntp": ["time-servers": ["a.example", "b.example"]],
                "kernel": ["sysctl": ["net.ipv4.ip_forward": "1"]],
                "host-containers": ["admin": ["enabled": true, "user-data": "eA=="]],
                "container-registry": [
                    "mirrors": [
                        ["registry": "docker.io", "endpoint": ["https://one"]],
                        ["registry": "quay.io", "inner": ["x": 1]],
                    ]
                ],
            ]
        )
    }

    @Test func emptyDocumentsAreEmptyObjects() throws {
        for text in ["", "\n", "# only a comment", "\u{feff}", "  \r\n\t"] { #expect(try read(text) == [:]) }
    }

    @Test(arguments: [
        ("0", 0), ("+99", 99), ("-17", -17), ("1_000", 1000), ("0xDEAD_beef", 0xdead_beef), ("0o755", 0o755),
        ("0b1101", 13), ("9223372036854775807", Int64.max), ("-9223372036854775808", Int64.min), ("-0", 0),
    ])
    func integersKeepAllDigits(text: String, value: Int64) throws {
        #expect(try read("a = \(text)")["a"] == .integer(value))
    }

    @Test(arguments: [
        ("1.0", 1.0), ("3.1415", 3.1415), ("-0.01", -0.01), ("5e+22", 5e22), ("1e06", 1e6), ("-2E-2", -2e-2),
        ("6.626e-34", 6.626e-34), ("9_224_617.445_991", 9_224_617.445991),
    ])
    func floatsAreNumbers(text: String, value: Double) throws {
        #expect(try read("a = \(text)")["a"] == .number(value))
    }

    @Test(arguments: [
        ("1979-05-27", "1979-05-27"), ("07:32:00", "07:32:00"), ("07:32:00.123456", "07:32:00.123456"),
        ("1979-05-27 07:32:00z", "1979-05-27T07:32:00Z"),
        ("1979-05-27t00:32:00.5-07:00", "1979-05-27T00:32:00.5-07:00"),
        ("2024-02-29T23:59:60Z", "2024-02-29T23:59:60Z"), ("1979-05-27T07:32:00", "1979-05-27T07:32:00"),
    ])
    func datesAndTimesBecomeText(text: String, value: String) throws {
        #expect(try read("a = \(text) # c")["a"] == .string(value))
    }

    @Test func stringsOfAllKinds() throws {
        #expect(try read(#"a = "tab\t quote\" \u00e9 \U0001F600 \\""#)["a"] == "tab\t quote\" é 😀 \\")
        #expect(try read(#"a = 'C:\new'"#)["a"] == #"C:\new"#)
        #expect(try read("a = \"\"\"\nOne\r\nTwo \\\n\n   Three\"\"\"\"\"")["a"] == "One\nTwo Three\"\"")
        #expect(try read("a = '''\nraw \\n'''''")["a"] == "raw \\n''")
        #expect(try read("a = \"\"\nb = ''\nc = \"\"\"\"\"\"")["c"] == "")
        #expect(try read("\"\" = 1\n'x y'.\"z\" = 2") == ["": 1, "x y": ["z": 2]])
    }

    @Test func dottedKeysAndHeadersShareTables() throws {
        #expect(try read("a.b = 1\na.c.d = 2\n1.2 = 3") == ["a": ["b": 1, "c": ["d": 2]], "1": ["2": 3]])
        #expect(try read("[x.y.z]\n[x]\nk = 1") == ["x": ["y": ["z": [:]], "k": 1]])
        #expect(
            try read("[f]\na.c = 1\n[f.a.t]\ns = true") == ["f": ["a": ["c": 1, "t": ["s": true]]]]
        )
    }
}

@Suite struct TOMLFaultTests {
    private func fault(_ text: String, limits: JSONLimits = JSONLimits()) -> TOMLError? {
        fault(bytes: Array(text.utf8), limits: limits)
    }

    private func fault(bytes: [UInt8], limits: JSONLimits = JSONLimits()) -> TOMLError? {
        do {
            _ = try JSONValue(parsingTOML: bytes, limits: limits)
            return nil
        } catch {
            return error
        }
    }

    @Test func faultsNameTheirPlace() {
        let error = fault("a = 1\nb = 2\n  c = oops\n")
        #expect(error?.line == 3)
        #expect(error?.column == 7)
        #expect(error?.description.contains("line 3, column 7") == true)
        #expect(error?.description.contains("oops") == true)
    }

    @Test(arguments: [
        "a = 1\na = 2", "a = 1\n\"a\" = 2", "[a]\n[a]", "a = 1\n[a]", "[a]\nb = 1\n[a.b]", "a.b = 1\n[a]",
        "[a.b]\nc = 1\n[a]\nb.d = 2", "a = {b = 1}\n[a.c]", "a = {b = 1}\na.c = 2", "a = {b = 1, b = 2}",
        "a = [1]\n[[a]]", "[a]\n[[a]]", "[[a]]\n[a]", "a.b = 1\na.b.c = 2", "[[a.b]]\n[a]\nb.c = 1",
        "a = {b.c = 1, b = 2}", "a = [{}]\n[a.b]",
    ])
    func nothingIsSetTwice(text: String) {
        guard case .duplicateKey = fault(text)?.reason else {
            Issue.record("\(text) was taken, or failed otherwise: \(String(describing: fault(text)))")
            return
        }
    }

    @Test(arguments: [
        "a", "a =", "= 1", "a = 1 b = 2", "a = \"x", "a = 'x\n'", "a = \"\"\"x", "[a", "[a]]", "[[a]", "[]",
        "[ ]",
        "a = [1", "a = [1 2]", "a = [,1]", "a = {b = 1,}", "a = {\nb = 1}", "a = {b = 1", "a..b = 1",
        ".a = 1",
        "a. = 1", "a = 01", "a = 1_", "a = _1", "a = 1__0", "a = 0x", "a = -0x1", "a = 0xg", "a = 1.",
        "a = .5",
        "a = 1.e5", "a = 1e", "a = 00.5", "a = 1e1.5", "a = True", "a = null", "a = truex", "a = \"\\x41\"",
        "a = \"\\ud800\"", "a = \"\\U00110000\"", "a = \"\\u12\"", "a = \"\u{1}\"", "a = 1 \u{7f}",
        "# \u{0}", "a = 1\rb = 2", "\u{e9} = 1", "\"\"\"a\"\"\" = 1", "a = 'x' y", "a\n= 1", "[a] b = 1",
    ])
    func whatIsNoTOMLIsRefused(text: String) {
        guard case .expected = fault(text)?.reason else {
            Issue.record("\(text) was taken, or failed otherwise: \(String(describing: fault(text)))")
            return
        }
    }

    @Test(arguments: ["inf", "-inf", "nan", "1e999", "9223372036854775808", "0xffffffffffffffff"])
    func numbersThatJSONLacksAreRefused(text: String) {
        #expect(fault("a = \(text)")?.reason == .numberOutOfRange(text))
    }

    @Test(arguments: [
        "2023-02-29", "2023-13-01", "2023-1-01", "24:00:00", "10:60:00", "10:00", "2023-01-01T",
        "2023-01-01T10:00:00+24:00", "2023-01-01T10:00:00.Z", "2023-01-01x", "0000-00-00",
    ])
    func timesThatDoNotExistAreRefused(text: String) {
        #expect(fault("a = \(text)")?.reason == .invalidTime(text))
    }

    @Test func messagesAreShortAndOfOneLine() throws {
        let long = String(repeating: "a", count: 100_000)
        for text in [
            "\(long) = 1\n\(long) = 1", "a = 2020-\(long)", "a = \(long)",
            "a = \(String(repeating: "9", count: 5000))",
            "\"x\\n\\u001b[2J\" = 1\n\"x\\n\\u001b[2J\" = 1",
        ] {
            let message = try #require(fault(text)).description
            #expect(message.utf8.count < 300)
            #expect(message.unicodeScalars.allSatisfy { $0.value >= 0x20 }, "\(message)")
        }
    }

    @Test func limitsHold() {
        #expect(fault("a = 12345", limits: JSONLimits(bytes: 8))?.reason == .tooLong(limit: 8))
        #expect(fault("a = 1", limits: JSONLimits(bytes: 5)) == nil)
        let four = JSONLimits(depth: 4)
        for deep in [
            "a = [[[[1]]]]", "a.b.c.d.e = 1", "[a.b.c.d]", "[a.b]\nc = [[1]]", "a = {b = {c = {d = {}}}}",
            "[[a]]\n[[a.b]]", "[a.b.c.d.e.f.g]",
        ] {
            #expect(fault(deep, limits: four)?.reason == .tooDeep(limit: 4), "\(deep)")
        }
        for flat in ["a = [[[1]]]", "a.b.c.d = 1", "[a.b.c]", "[a.b]\nc = [1]"] {
            #expect(fault(flat, limits: four) == nil, "\(flat)")
        }
        #expect(fault("a = [1, 2, 3]", limits: JSONLimits(values: 3))?.reason == .tooManyValues(limit: 3))
        #expect(fault("a = [1, 2, 3]", limits: JSONLimits(values: 4)) == nil)
    }

    @Test func hostileNestingEndsInAnError() {
        for text in [
            "a = " + String(repeating: "[", count: 1 << 20), String(repeating: "[", count: 1 << 20),
            "a = " + String(repeating: "{a=", count: 300_000),
            String(repeating: "a.", count: 500_000) + "a = 1",
        ] {
            #expect(fault(text) != nil)
        }
    }

    @Test func wrongEncodingsAreRefusedWithTheirPlace() {
        let error = fault(bytes: Array("a = 1\nb = \"".utf8) + [0xff, 0xfe] + Array("\"".utf8))
        #expect(error?.reason == .invalidUTF8)
        #expect(error?.line == 2)
        #expect(error?.column == 6)
        #expect(fault(bytes: [0xff, 0xfe, 0x61, 0x00])?.reason == .invalidUTF8)
    }

    /// Every cut and every changed byte of a rich document is read or refused, and nothing else happens.
    @Test func damagedDocumentsAreReadOrRefused() {
        let bytes = Array(
            "[a.'b']\nc = {d = [1, 0x2f, 1e3], \"\\u0041\" = 2020-01-01 10:00:00Z}\n[[e]]\nf = \"\"\"x\\\n y\"\"\"\n"
                .utf8
        )
        for position in bytes.indices {
            _ = fault(bytes: Array(bytes[..<position]))
            for byte in [
                "\"", "\\", "[", "]", "{", "}", ".", "=", "\n", "\r", "#", "-", ":", "0", "e", "\u{0}",
            ]
                as [Unicode.Scalar]
            {
                var damaged = bytes
                damaged[position] = UInt8(ascii: byte)
                let first = fault(bytes: damaged)
                #expect(first == fault(bytes: damaged))
            }
        }
    }
}
