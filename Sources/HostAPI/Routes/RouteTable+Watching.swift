internal import JSON

extension RouteTable {
    static let watchingEndpoints: [Endpoint] = [
        Endpoint(
            .getHealth,
            .get,
            "/health",
            "How the host is, and what is wrong.",
            details: "The status of HTTP is 200 for every health: the body tells it.",
            responses: [.init(200, "How it is.", .init(schema: Health.reference))]
        ),
        Endpoint(
            .postBootReport,
            .post,
            "/boot-report",
            "Reports what a step of the boot found; for the host's own programs.",
            body: .init(schema: BootReport.reference),
            responses: [.init(204, "It is part of `GET /health` now."), mediaTypeRefused]
        ),
        Endpoint(
            .getMetrics,
            .get,
            "/metrics",
            "Counters and gauges in the text format of Prometheus.",
            responses: [.init(200, "The metrics.", .init("text/plain", schema: ["type": "string"]))]
        ),
        Endpoint(
            .watchEvents,
            .get,
            "/events",
            "Tells what happens, as server-sent events, until one side closes the connection.",
            details: """
                Events: `commit`, `apply`, `trial`, `update`, `health`, `container`; the data of each is JSON. A client that
                does not read is disconnected. `limit` and `timeout` end the answer, for scripts.
                """,
            parameters: [
                Endpoint.Parameter("limit", "Ends after so many events.", form: .integer(1...1_000_000)),
                Endpoint.Parameter("timeout", "Ends after so many seconds.", form: .integer(1...86_400)),
            ],
            responses: [.init(200, "The events.", .init(Event.mediaType, schema: ["type": "string"]))]
        ),
        Endpoint(
            .getReport,
            .get,
            "/report",
            "A report for people and support: OS, health, generations, settings without secrets.",
            responses: [.init(200, "The report.", .init("text/plain", schema: ["type": "string"]))]
        ),
        Endpoint(
            .getOpenAPI,
            .get,
            "/openapi.json",
            "This document.",
            responses: [.init(200, "The document.", .init(schema: ["type": "object"]))]
        ),
    ]
}
