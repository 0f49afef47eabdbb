internal import JSON

extension RouteTable {
    static let hostEndpoints: [Endpoint] = [
        Endpoint(
            .getOS,
            .get,
            "/os",
            "What the host runs.",
            parameters: [
                Endpoint.Parameter(
                    "prefix",
                    "Only the members whose name begins so, with or without `os.` before it.",
                    form: .text(maximumLength: 1024)
                )
            ],
            responses: [
                .init(200, "What it runs.", .init(schema: OSInfo.reference)),
                .init(404, "No member has the prefix."),
            ]
        ),
        Endpoint(
            .getAffectedServices,
            .get,
            "/metadata/affected-services",
            "The services that follow settings.",
            parameters: [keys(required: true, "The settings.")],
            responses: [
                .init(
                    200,
                    "The names of the services, by key; keys that no service follows are left out.",
                    .init(schema: PayloadSchema.map(of: PayloadSchema.list(["type": "string"])))
                )
            ]
        ),
        Endpoint(
            .getGenerators,
            .get,
            "/metadata/setting-generators",
            "The commands that make values of settings that nobody has set.",
            responses: [
                .init(
                    200,
                    "The commands, by key.",
                    .init(schema: PayloadSchema.map(of: ["type": "string"]))
                )
            ]
        ),
        Endpoint(
            .getGeneratorsV2,
            .get,
            "/v2/metadata/setting-generators",
            "The same, with the strength of the values.",
            responses: [
                .init(
                    200,
                    "The commands, by key.",
                    .init(schema: PayloadSchema.map(of: GeneratorInfo.reference))
                )
            ]
        ),
        Endpoint(
            .getTemplates,
            .get,
            "/metadata/templates",
            "The templates that values of settings are made from.",
            details:
                "Values are made by generators alone, so that the answer is empty; Bottlerocket's clients ask.",
            parameters: [keys(required: true, "The settings.")],
            responses: [
                .init(
                    200,
                    "The templates, by key; keys without one are left out.",
                    .init(schema: PayloadSchema.map(of: ["type": "string"]))
                )
            ]
        ),
        Endpoint(
            .getServices,
            .get,
            "/services",
            "The services that follow settings.",
            parameters: [names, namePrefix],
            responses: [
                .init(
                    200,
                    "The services, by name.",
                    .init(schema: PayloadSchema.map(of: ServiceInfo.reference))
                ),
                .init(404, "There is no service of one of the names, or none has the prefix."),
            ]
        ),
        Endpoint(
            .getConfigurationFiles,
            .get,
            "/configuration-files",
            "The files that are rendered from settings.",
            parameters: [names, namePrefix],
            responses: [
                .init(
                    200,
                    "The files, by name.",
                    .init(schema: PayloadSchema.map(of: ConfigurationFileInfo.reference))
                ),
                .init(404, "There is no file of one of the names, or none has the prefix."),
            ]
        ),
        Endpoint(
            .getHostContainers,
            .get,
            "/host-containers",
            "The host and bootstrap containers: what each shall do, what it does, and what went wrong.",
            details: """
                Those of the settings, and those that are still running after they were taken out of them. A host \
                container stands under its name, a bootstrap container under `boot.` and its name.
                """,
            responses: [
                .init(
                    200,
                    "The containers.",
                    .init(schema: PayloadSchema.map(of: HostContainerStatus.reference))
                )
            ]
        ),
    ]

    private static let namePrefix = Endpoint.Parameter(
        "prefix",
        "Only those whose name begins so.",
        form: .text(maximumLength: 1024)
    )
}
