internal import JSON

extension RouteTable {
    static let settingsEndpoints: [Endpoint] = [
        Endpoint(
            .getAll,
            .get,
            "/",
            "Everything at once: settings, services, configuration files and OS.",
            parameters: [prefix],
            responses: [
                .init(
                    200,
                    "Everything, or what has the prefix.",
                    .init(
                        schema: PayloadSchema.object(
                            "Everything at once; without a part that has nothing with the prefix.",
                            [
                                "settings": OpenAPI.settingsReference,
                                "services": PayloadSchema.map(of: ServiceInfo.reference),
                                "configuration-files": PayloadSchema.map(of: ConfigurationFileInfo.reference),
                                "os": OSInfo.reference,
                            ],
                            required: []
                        )
                    )
                ),
                .init(404, "Nothing has the prefix."),
            ]
        ),
        Endpoint(
            .getSettings,
            .get,
            "/settings",
            "The settings in force.",
            parameters: [
                keys(required: false, "Only these settings and what is inside of them; wins over `prefix`."),
                prefix,
            ],
            responses: [
                .init(200, "The settings.", settings),
                .init(404, "One of the keys has no value, or nothing has the prefix."),
            ]
        ),
        Endpoint(
            .patchSettings,
            .patch,
            "/settings",
            "Adds settings to a transaction.",
            details: "Nothing is in force before the transaction is committed.",
            parameters: [tx, strength],
            body: settings,
            responses: changeResponses
        ),
        Endpoint(
            .patchKeyPairs,
            .patch,
            "/settings/keypair",
            "Adds settings, written as `key=value`, to a transaction.",
            details: """
                A value is a text where its setting is a text (`motd=42`), and JSON where it is something else
                (`dns.name-servers=["192.0.2.1"]`).
                """,
            parameters: [tx, strength],
            body: .init(
                schema: KeyPairs.reference,
                example: ["request_payload": ["settings.motd=Hello"]]
            ),
            responses: changeResponses
        ),
        Endpoint(
            .deleteSettings,
            .delete,
            "/settings",
            "Adds the deletion of settings to a transaction: back to the generated value or the default.",
            details:
                "The key of a group deletes everything inside of it. A setting that is not set may be deleted.",
            parameters: [keys(required: true, "The settings."), tx],
            responses: [
                .init(204, "The deletions are pending."),
                tooMuchPending, lockedDown,
            ]
        ),
    ]

    private static let strength = Endpoint.Parameter(
        "strength",
        "How long the values live: `strong`, the default, until they are changed; `weak` until the next boot.",
        form: .choice(TransactionView.Strength.allCases.map(\.rawValue))
    )
    private static let tooMuchPending = Endpoint.Response(
        409,
        "There are 64 transactions, 16 MiB in all of them, or 10,000 changes in this one: commit or delete some."
    )
    private static let changeResponses: [Endpoint.Response] = [
        .init(204, "The settings are pending."),
        .init(
            400,
            "The body is no JSON, or a setting is not allowed (`errors` names each), or a strong one would be made weak."
        ),
        tooMuchPending, mediaTypeRefused, lockedDown,
    ]
}
