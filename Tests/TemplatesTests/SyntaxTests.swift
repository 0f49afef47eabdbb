import JSON
import Templates
import Testing

/// Renders a template over a document written as JSON.
func render(_ template: String, _ json: String = "{}", helpers: HelperSet = .standard) throws -> String {
    try Template(parsing: template, name: "test").render(
        context: try JSONValue(parsing: json),
        helpers: helpers
    )
}

/// The error of a template that must fail.
func failure(_ template: String, _ json: String = "{}") throws -> TemplateError {
    try #require(throws: TemplateError.self) { try render(template, json) }
}

@Suite struct SyntaxTests {
    @Test(
        arguments: [
            ("plain { text } }}", "plain { text } }}"),
            ("{{a}}", "1"),
            ("{{ a }} {{b.c}} {{b.[x.y]}} {{b.\"x.y\"}}", "1 two dotted dotted"),
            ("{{this.a}}{{./a}}{{@root.a}}", "111"),
            ("{{list.0}}{{list.1}}", "ab"),
            ("{{true}} {{3.5}} {{-7}} {{\"q\\\"\\n\"}} {{'s'}}", "true 3.5 -7 q\"\n s"),
            ("{{yes}} {{half}}", "true 0.5"),
            ("\\{{a}}", "{{a}}"),
            ("{{! comment }}x{{!-- }} --}}y", "xy"),
            ("{{#if yes}}A{{/if}}{{#if no}}B{{/if}}", "A"),
            ("{{#if missing.deep}}A{{else}}B{{/if}}", "B"),
            ("{{#if no}}A{{else if a}}B{{else}}C{{/if}}", "B"),
            ("{{#if no}}A{{else if no}}B{{else unless no}}D{{else}}C{{/if}}", "D"),
            ("{{#if no}}A{{^}}B{{/if}}", "B"),
            ("{{#unless no}}A{{/unless}}{{#unless list}}B{{/unless}}", "A"),
            (
                "{{#if_not_null no}}A{{else}}B{{/if_not_null}}{{#if_not_null missing}}A{{else}}B{{/if_not_null}}",
                "AB"
            ),
            ("{{#each list}}{{@index}}{{this}}{{#unless @last}},{{/unless}}{{/each}}", "0a,1b"),
            ("{{#each list as |item i|}}{{i}}={{item}}{{#if @first}};{{/if}}{{/each}}", "0=a;1=b"),
            ("{{#each map}}{{@key}}={{this}} {{/each}}", "k1=v1 k2=v2 "),
            ("{{#each map as |value key|}}{{key}}={{value}} {{/each}}", "k1=v1 k2=v2 "),
            ("{{#each list}}{{../a}}{{#each ../map}}{{../../a}}{{@index}}{{/each}}{{/each}}", "1101111011"),
            ("{{#each empty}}A{{else}}none{{/each}}{{#each missing}}A{{else}}none{{/each}}", "nonenone"),
            ("{{#with b}}{{c}}{{../a}}{{/with}}{{#with missing}}A{{else}}B{{/with}}", "two1B"),
            ("{{#with b as |it|}}{{it.c}}{{/with}}", "two"),
            ("{{#each objects}}{{name}}{{/each}}", "xy"),
            ("{{#each objects as |o|}}{{#with o}}{{name}}{{o.name}}{{/with}}{{/each}}", "xxyy"),
            ("{{default \"x\" (default missing2 a)}}", "1"),
            ("[{{~ a ~}}   ]", "[1]"),
            ("a\n{{~#if yes~}}\n b \n{{~/if~}}\nc", "abc"),
            ("{{#if (and yes (not no))}}A{{/if}}", "A"),
            ("{{#if (or no missing)}}A{{else}}B{{/if}}", "B"),
            ("{{#if (eq a 1)}}A{{/if}}{{#if (eq a \"1\")}}B{{/if}}{{#if (ne a 2)}}C{{/if}}", "AC"),
            ("{{#if (eq missing null)}}A{{/if}}", "A"),
        ] as [(String, String)]
    )
    func renders(template: String, expected: String) throws {
        let json = """
            {"a": 1, "b": {"c": "two", "x.y": "dotted"}, "list": ["a", "b"], "yes": true, "no": false, "half": 0.5,
             "map": {"k2": "v2", "k1": "v1"}, "empty": [], "objects": [{"name": "x"}, {"name": "y"}], "missing2": 9}
            """
        #expect(try render(template, json) == expected)
    }

    @Test func nothingIsEscaped() throws {
        #expect(try render("{{a}}", #"{"a": "<&>\"'"}"#) == "<&>\"'")
    }

    @Test(
        arguments: [
            ("a\n{{#if x}}\nb\n{{/if}}\nc\n", "a\nb\nc\n"),
            ("a\n  {{#if x}}  \nb\n  {{/if}}\nc", "a\nb\nc"),
            ("{{#if x}}\r\nb\r\n{{/if}}\r\n", "b\r\n"),
            ("a\n{{! note }}\nb", "a\nb"),
            ("{{!-- note\n more --}}\nb", "b"),
            ("{{#if x}}\nb\n{{else}}\nc\n{{/if}}", "b\n"),
            ("{{#if x}}b{{/if}}\nc", "b\nc"),
            ("a {{#if x}}\nb{{/if}}\n", "a \nb\n"),
            ("{{x}}\n{{x}}\n", "true\ntrue\n"),
            ("{{#if x}}   {{/if}}\n", "   \n"),
            ("{{#each l}}\n{{this}}\n{{/each}}\nend", "1\n2\nend"),
        ] as [(String, String)]
    )
    func linesOfBlocksGo(template: String, expected: String) throws {
        #expect(try render(template, #"{"x": true, "l": [1, 2]}"#) == expected)
    }

    @Test func pathsAreThoseOfTheSettings() throws {
        let template = try Template(
            parsing: """
                {{settings.motd}}{{#each settings.network.hosts as |h|}}{{h.x}}{{/each}}
                {{#with settings.kernel}}{{lockdown}}{{../settings.ntp.[time-servers]}}{{/with}}
                {{default "x" settings.kernel.sysctl.[net.ipv4.ip_forward]}}{{os.arch}}{{@root.settings.pki}}
                """,
            name: "t"
        )
        #expect(
            template.paths == [
                ["kernel"], ["kernel", "lockdown"], ["kernel", "sysctl", "net.ipv4.ip_forward"], ["motd"],
                ["network", "hosts"], ["network", "hosts", "x"], ["ntp", "time-servers"], ["pki"],
            ]
        )
        #expect(template.otherPaths == [["os", "arch"]])
        #expect(template.helpers == ["default"])
    }
}

@Suite struct StrictnessTests {
    @Test func aMissingSettingHasItsPlaceInTheError() throws {
        let error = try failure("line\n  x {{settings.a.b}}", #"{"settings": {"a": {}}}"#)
        #expect(error.reason == .missing(path: "settings.a.b"))
        #expect(error.line == 2)
        #expect(error.column == 7)
        #expect(error.template == "test")
        #expect(
            error.description.hasPrefix("template test, line 2, column 7: 'settings.a.b' is not set: set it")
        )
    }

    @Test func nullIsNotSet() throws {
        #expect(try failure("{{a}}", #"{"a": null}"#).reason == .missing(path: "a"))
    }

    @Test func listsAndObjectsAreNotText() throws {
        guard case .wrongKind("a", _, "array") = try failure("{{a}}", #"{"a": []}"#).reason else {
            Issue.record("an array was written")
            return
        }
        guard case .wrongKind("a", _, "string") = try failure("{{#each a}}{{/each}}", #"{"a": "x"}"#).reason
        else {
            Issue.record("a text was walked over")
            return
        }
    }

    @Test func helpersAreChecked() throws {
        #expect(try failure("{{nope 1}}").reason == .unknownHelper("nope"))
        #expect(
            try failure("{{default 1}}").reason
                == .argumentCount(helper: "default", expected: 2...2, given: 1)
        )
        #expect(try failure("{{default 1 2 x=3}}").reason == .unknownOption(helper: "default", option: "x"))
        // A word without arguments is a path, never a helper.
        #expect(try failure("{{goarch}}").reason == .missing(path: "goarch"))
        #expect(
            try failure("{{(goarch)}}").reason == .argumentCount(helper: "goarch", expected: 1...1, given: 0)
        )
    }

    @Test(
        arguments: [
            "{{", "{{a", "{{}}", "{{a b", "{{#if}}{{/if}}", "{{#if a}}", "{{/if}}", "{{else}}",
            "{{#if a}}{{/each}}", "{{#if a}}{{else}}{{else}}{{/if}}", "{{#if a b}}{{/if}}",
            "{{#foo a}}{{/foo}}",
            "{{#if a x=1}}{{/if}}", "{{#each a as |}}{{/each}}", "{{#each a as ||}}{{/each}}",
            "{{#each a as |x y z|}}{{/each}}", "{{#each a as |x x|}}{{/each}}", "{{#if a as |x|}}{{/if}}",
            "{{#with a as |x y|}}{{/with}}", "{{a as |x|}}", "{{{a}}}", "{{&a}}", "{{> a}}", "{{* a}}",
            "{{\"open}}", "{{'open}}", "{{! open", "{{!-- open }}", "{{(default 1 2}}", "{{default 1 2)}}",
            "{{a..b}}", "{{a.}}", "{{a.[]}}", "{{a.[x}}", "{{1a}}", "{{a$}}", "{{@nope}}", "{{@key}}",
            "{{@key.x}}",
            "{{../a}}", "{{#each a}}{{../../a}}{{/each}}", "{{a \"\\x\"}}", "{{default x=1 2}}",
            "{{default x=1 x=2}}", "{{\"a\" b}}", "{{^if a}}{{/if}}", "{{#if a}}{{else foo b}}{{/if}}",
            "{{/}}",
            "{{a,b}}", "{{--1}}", "{{#(default 1 2) a}}{{/a}}", "{{#if a}}{{/if a}}",
        ]
    )
    func refusesFaultySyntax(template: String) throws {
        let error = try failure(template, #"{"a": 1}"#)
        guard case .syntax(let message) = error.reason else {
            Issue.record("\(template): \(error)")
            return
        }
        #expect(!message.isEmpty)
        #expect(error.line >= 1 && error.column >= 1)
    }

    @Test func isBounded() throws {
        let long = String(repeating: "x", count: Template.maximumLength + 1)
        #expect(try failure(long).reason == .tooLong(limit: Template.maximumLength))
        let blocks =
            String(repeating: "{{#if a}}", count: 40) + String(repeating: "{{/if}}", count: 40)
        #expect(try failure(blocks).reason == .tooDeep(limit: Template.maximumDepth))
        let chained = "{{#if a}}" + String(repeating: "{{else if a}}", count: 40) + "{{/if}}"
        #expect(try failure(chained).reason == .tooDeep(limit: Template.maximumDepth))
        let calls =
            "{{" + String(repeating: "(not ", count: 10_000) + "a" + String(repeating: ")", count: 10_000)
            + "}}"
        #expect(try failure(calls).reason == .tooDeep(limit: Template.maximumDepth))
        let path = "{{a" + String(repeating: ".a", count: 10_000) + "}}"
        #expect(try failure(path).reason == .tooDeep(limit: Template.maximumDepth))

        let numbers = "[" + Array(repeating: "1", count: 2000).joined(separator: ",") + "]"
        let loops = "{{#each l}}{{#each ../l}}{{#if this}}{{/if}}{{/each}}{{/each}}"
        #expect(
            try failure(loops, #"{"l": \#(numbers)}"#).reason == .tooManySteps(limit: Template.maximumSteps)
        )
        let text = String(repeating: "y", count: 100_000)
        #expect(
            try failure("{{#each l}}{{../t}}{{/each}}", #"{"l": \#(numbers), "t": "\#(text)"}"#).reason
                == .outputTooLong(limit: Template.maximumOutput)
        )
        guard
            case .refused = try failure(
                "{{join_map t t \"fail-if-missing\" m}}",
                #"{"t": "\#(text)", "m": {\#((0..<100).map { "\"k\($0)\": 1" }.joined(separator: ","))}}"#
            ).reason
        else {
            Issue.record("a huge text was joined")
            return
        }
    }

    @Test func neverTrapsOnDamagedTemplates() throws {
        let whole = """
            {{#each settings.a as |x y|}}{{~x.[b c]."d"~}}{{else if (eq "q\\"" 'r' z=-1.5)}}{{!-- c --}}{{@key}}{{/each}}
            """
        let bytes = Array(whole.utf8)
        for length in 0...bytes.count {
            _ = try? Template(parsing: String(decoding: bytes.prefix(length), as: UTF8.self), name: "cut")
            _ = try? Template(parsing: String(decoding: bytes.suffix(length), as: UTF8.self), name: "cut")
        }
        var state: UInt64 = 1
        for _ in 0..<3000 {
            var damaged = bytes
            for _ in 0..<3 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                damaged[Int(state >> 33) % damaged.count] =
                    Array("{}~#/^!|.@[]()\"'= a\n\\".utf8)[Int(state >> 20) % 21]
            }
            if let template = try? Template(parsing: String(decoding: damaged, as: UTF8.self), name: "fuzz") {
                _ = try? template.render(context: ["settings": ["a": ["k": ["b c": ["d": 1]]]]])
            }
        }
    }
}
