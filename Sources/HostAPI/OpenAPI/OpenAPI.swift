public import JSON

/// The OpenAPI 3.1 document of the API, made from the route table, the payloads and the model of settings.
public enum OpenAPI {
    /// The version of the API: the first number grows when clients must change.
    public static let version = "1.0.0"

    /// A reference to the schema of settings.
    public static let settingsReference: JSONValue = ["$ref": "#/components/schemas/Settings"]

    /// The document.
    public static let document: JSONValue = [
        "openapi": "3.1.0",
        "info": [
            "title": "Bulkhead host API",
            "version": .string(version),
            "summary": "Settings, updates and health of one host, on the Unix socket /run/api.sock.",
            "description": .string(introduction),
        ],
        "servers": [
            ["url": "http://localhost", "description": "HTTP/1.1 over the Unix socket /run/api.sock"]
        ],
        "tags": .array(
            RouteTable.sections.map {
                ["name": .string($0.name), "description": .string($0.description)]
            }
        ),
        "paths": .object(paths),
        "components": ["schemas": .object(schemas), "responses": .object(commonResponses)],
    ]

    /// The document as YAML: what `docs/openapi.yaml` holds.
    public static var yaml: String {
        "# Generated from Sources/HostAPI by `make docs`: do not edit.\n"
            + YAMLText(first: memberOrder).text(of: document)
    }

    private static let introduction = """
        The host listens on a Unix socket; who may connect is decided by the socket's group. Paths, queries, bodies and \
        statuses of Bottlerocket's API are kept, so that its clients work; docs/api.md names the differences.

        Settings are changed in transactions: changes are staged, then committed together. Every answer of 400 and above \
        is a problem description (RFC 9457). A parameter that an operation does not declare is refused.
        """

    /// What readers look for first in each object of an OpenAPI document.
    private static let memberOrder = [
        "openapi", "info", "servers", "tags", "paths", "components", "operationId", "name", "in", "title",
        "version", "summary", "description", "required", "style", "explode", "schema", "parameters",
        "requestBody", "responses", "type",
    ]

    private static let payloads: [any Payload.Type] = [
        Problem.self, OSInfo.self, TransactionView.self, GenerationSummary.self, GenerationDetail.self,
        GenerationComparison.self, ApplyResult.self, ServiceInfo.self, ConfigurationFileInfo.self,
        GeneratorInfo.self, UpdateStatus.self, HealthProblem.self, BootReport.self, Health.self,
        KeyPairs.self, HostContainerStatus.self,
    ]

    private static let schemas: [String: JSONValue] = {
        var schemas = settingsSchemas
        for payload in payloads { schemas[payload.schemaName] = payload.schema }
        return schemas
    }()

    private static let commonResponses: [String: JSONValue] = {
        var responses: [String: JSONValue] = [:]
        for response in RouteTable.commonResponses {
            responses[name(of: response.status)] = json(response)
        }
        return responses
    }()

    private static let paths: [String: JSONValue] = {
        var paths: [String: [String: JSONValue]] = [:]
        for section in RouteTable.sections {
            for endpoint in section.endpoints {
                paths[endpoint.path, default: [:]][endpoint.method.rawValue.lowercased()] =
                    json(endpoint, tag: section.name)
            }
        }
        return paths.mapValues { .object($0) }
    }()

    private static func json(_ endpoint: Endpoint, tag: String) -> JSONValue {
        var operation: [String: JSONValue] = [
            "operationId": .string(endpoint.operation.rawValue),
            "tags": [.string(tag)],
            "summary": .string(endpoint.summary),
            "responses": .object(responses(of: endpoint)),
        ]
        if !endpoint.details.isEmpty { operation["description"] = .string(endpoint.details) }
        if !endpoint.parameters.isEmpty { operation["parameters"] = .array(endpoint.parameters.map(json)) }
        if let body = endpoint.body {
            operation["requestBody"] = ["required": true, "content": content([body])]
        }
        return .object(operation)
    }

    private static func json(_ parameter: Endpoint.Parameter) -> JSONValue {
        var members: [String: JSONValue] = [
            "name": .string(parameter.name),
            "in": parameter.isInPath ? "path" : "query",
            "description": .string(parameter.summary),
            "required": .bool(parameter.isRequired),
            "schema": parameter.form.schema,
        ]
        if parameter.form.isList {
            members["style"] = "form"
            members["explode"] = false
        }
        return .object(members)
    }

    private static func responses(of endpoint: Endpoint) -> [String: JSONValue] {
        var responses: [String: JSONValue] = [:]
        for common in RouteTable.commonResponses {
            responses[String(common.status)] = [
                "$ref": .string("#/components/responses/\(name(of: common.status))")
            ]
        }
        for response in endpoint.responses { responses[String(response.status)] = json(response) }
        return responses
    }

    private static func json(_ response: Endpoint.Response) -> JSONValue {
        var members: [String: JSONValue] = ["description": .string(response.summary)]
        let contents =
            response.status < 400
            ? response.contents : [Endpoint.Content(Problem.mediaType, schema: Problem.reference)]
        if !contents.isEmpty { members["content"] = content(contents) }
        if response.status == 405 {
            members["headers"] = [
                "Allow": [
                    "description": "The methods of the path.", "required": true, "schema": ["type": "string"],
                ]
            ]
        }
        return .object(members)
    }

    private static func content(_ contents: [Endpoint.Content]) -> JSONValue {
        var members: [String: JSONValue] = [:]
        for content in contents {
            var media: [String: JSONValue] = ["schema": content.schema]
            if let example = content.example { media["example"] = example }
            members[content.mediaType] = .object(media)
        }
        return .object(members)
    }

    /// The name of a common response: the reason phrase without spaces.
    private static func name(of status: Int) -> String {
        Problem.reasonPhrase(status).split(separator: " ").joined()
    }
}
