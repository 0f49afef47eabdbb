import Foundation
@testable import HostAPI
import JSON
import TestSupport
import Testing

@Suite("OpenAPI document")
struct OpenAPITests {
    @Test("docs/openapi.yaml is what the sources say")
    func isFresh() throws {
        let path = Python.checkout.appending(path: "docs/openapi.yaml")
        let text = try String(contentsOf: path, encoding: .utf8)
        // Comparing with == alone would print both documents.
        let isFresh = text == OpenAPI.yaml
        #expect(isFresh, "docs/openapi.yaml is stale: run 'make docs'")
    }

    @Test(
        "openapi-spec-validator accepts it",
        .enabled(
            if: Python.interpreter(with: "openapi_spec_validator") != nil,
            Python.skipComment("openapi_spec_validator")
        )
    )
    func validator() throws {
        let program = """
            import sys, json
            from openapi_spec_validator import OpenAPIV31SpecValidator
            errors = list(OpenAPIV31SpecValidator(json.load(open(sys.argv[1]))).iter_errors())
            for error in errors: print(list(error.absolute_path) if hasattr(error, 'absolute_path') else '', error)
            sys.exit(1 if errors else 0)
            """
        let good = try Python.run(
            program,
            with: "openapi_spec_validator",
            files: [OpenAPI.document.description]
        )
        #expect(good.status == 0, "\(good.output.suffix(2000))")
        // The validator does look: a reference to nowhere is found.
        let bad = OpenAPI.document.description.replacing("schemas/Health\"", with: "schemas/Nowhere\"")
        #expect(try Python.run(program, with: "openapi_spec_validator", files: [bad]).status == 1)
    }

    @Test("PyYAML reads the same document from the YAML as from the JSON", .enabled(if: hasYAML, yamlComment))
    func yaml() throws {
        try check([(OpenAPI.document, OpenAPI.yaml)])
    }

    @Test(
        "PyYAML reads back what the emitter writes, whatever the texts are",
        .enabled(if: hasYAML, yamlComment)
    )
    func hostileYAML() throws {
        let texts = [
            "", " ", "yes", "null", "1", "1.5", "0x10", "- a", "a: b", "#", "a #b", "%", "&a", "*a", "!!str",
            "|", ">",
            "'", "\"", "\\", "\n", "a\nb\n", "\t", "\u{0}", "\u{7f}", "\u{85}", "\u{a0}", "\u{2028}",
            "\u{feff}",
            "\u{fffe}", "ü", "\u{1F600}", "---", "...", "2026-01-01", "~", "=", "<<", "[", "{",
            String(repeating: "x ", count: 500),
        ]
        let values: [JSONValue] =
            texts.map { .string($0) }
            + [
                .object(Dictionary(uniqueKeysWithValues: texts.map { ($0, .string($0)) })),
                .array(texts.map { .string($0) }), [:], [], [[]], [[[], [:]], ["a": [:], "b": []]],
                [["a": [["b": [1]]]], [2, [3, [4]]]], nil, true, false, 0, -1, .integer(.max), .number(0.5),
                .number(1e20), .number(-2.5e-9), .number(1e300),
                ["true": 1, "no": 2, "200": 3, "on": ["y": nil]],
            ]
        try check(values.map { ($0, YAMLText().text(of: $0)) })
    }

    static let hasYAML = Python.interpreter(with: "yaml") != nil
    static let yamlComment = Python.skipComment("yaml")

    private func check(_ pairs: [(JSONValue, String)]) throws {
        let program = """
            import sys, json, yaml
            expected, texts = (json.load(open(path)) for path in sys.argv[1:3])
            for value, text in zip(expected, texts):
                found = yaml.safe_load(text)
                if found != value or json.dumps(found, sort_keys=True) != json.dumps(value, sort_keys=True):
                    sys.exit('%r reads as %r from %r' % (value, found, text))
            print(len(texts))
            """
        let result = try Python.run(
            program,
            with: "yaml",
            files: [
                JSONValue.array(pairs.map(\.0)).description,
                JSONValue.array(pairs.map { .string($0.1) }).description,
            ]
        )
        #expect(result.output == "\(pairs.count)\n")
    }

    @Test(
        "every payload's example is what its schema says",
        .enabled(if: Python.interpreter(with: "jsonschema") != nil, Python.skipComment("jsonschema"))
    )
    func schemas() throws {
        let program = """
            import sys, json, jsonschema
            document, examples = (json.load(open(path)) for path in sys.argv[1:3])
            for name, example, good in examples:
                schema = {"$ref": "#/components/schemas/" + name, "components": document["components"]}
                jsonschema.Draft202012Validator.check_schema(document["components"]["schemas"][name])
                errors = list(jsonschema.Draft202012Validator(schema).iter_errors(example))
                if good == bool(errors):
                    sys.exit('%s: %r: %s' % (name, example, errors))
            """
        var examples: [JSONValue] = PayloadExamples.all.map {
            [.string(type(of: $0).schemaName), $0.json, true]
        }
        // Another member than those that are declared is a violation: schemathesis finds undocumented ones.
        examples += PayloadExamples.all.compactMap { payload in
            guard var members = payload.json.members else { return nil }
            members["undeclared"] = 1
            return [.string(type(of: payload).schemaName), .object(members), false]
        }
        let result = try Python.run(
            program,
            with: "jsonschema",
            files: [OpenAPI.document.description, JSONValue.array(examples).description]
        )
        #expect(result.status == 0, "\(result.output)")
    }

    @Test(
        "every operation declares the answers that all of them can give",
        arguments: RouteTable.documentedEndpoints
    )
    func operations(endpoint: Endpoint) throws {
        let operation = try #require(
            OpenAPI.document["paths"]?[endpoint.path]?[endpoint.method.rawValue.lowercased()]
        )
        #expect(operation["operationId"]?.string == endpoint.operation.rawValue)
        let responses = try #require(operation["responses"]?.members)
        for response in RouteTable.commonResponses + endpoint.responses {
            #expect(responses[String(response.status)] != nil)
        }
        #expect((operation["requestBody"] != nil) == (endpoint.body != nil))
    }
}
