internal import JSON

extension RouteTable {
    static let execEndpoints: [Endpoint] = [
        Endpoint(
            .exec,
            .get,
            "/exec",
            "Runs a command in a host container, over a WebSocket.",
            details: """
                The request must ask for an upgrade to a WebSocket (RFC 6455); docs/api.md describes the messages. Clients
                with the subprotocol `\(ExecProtocol.subprotocol)` get standard output and standard error apart.
                """,
            responses: [
                .init(101, "The connection is a WebSocket now."),
                .init(426, "The request does not ask for an upgrade to a WebSocket; `Upgrade` says so."),
                .init(503, "As many sessions are open as the host allows: end one, or try again later."),
            ]
        )
    ]
}
