internal import JSON

extension RouteTable {
    static let generationEndpoints: [Endpoint] = [
        Endpoint(
            .listGenerations,
            .get,
            "/generations",
            "The committed states of the settings that are kept, the oldest first.",
            responses: [
                .init(
                    200,
                    "The generations.",
                    .init(schema: PayloadSchema.list(GenerationSummary.reference))
                )
            ]
        ),
        Endpoint(
            .compareGenerations,
            .get,
            "/generations/compare",
            "What differs between two generations.",
            parameters: [
                Endpoint.Parameter("from", "The first one.", required: true, form: generationNumber),
                Endpoint.Parameter(
                    "to",
                    "The second one; the one in force if not given.",
                    form: generationNumber
                ),
            ],
            responses: [
                .init(200, "The differences.", .init(schema: GenerationComparison.reference)),
                noSuchGeneration,
            ]
        ),
        Endpoint(
            .getGeneration,
            .get,
            "/generations/{number}",
            "One generation with its settings.",
            parameters: [number],
            responses: [
                .init(200, "The generation.", .init(schema: GenerationDetail.reference)),
                noSuchGeneration,
            ]
        ),
        Endpoint(
            .restoreGeneration,
            .post,
            "/generations/{number}/restore",
            "Brings the settings of an older generation back, as a new generation, and applies them.",
            parameters: [number],
            responses: [
                .init(200, "What was done.", applyReport),
                noSuchGeneration, lockedDown,
            ]
        ),
    ]

    private static let generationNumber = ParameterForm.integer(1...Int64.max)
    private static let number = Endpoint.Parameter(
        "number",
        "The number of the generation.",
        form: generationNumber,
        inPath: true
    )
    private static let noSuchGeneration = Endpoint.Response(
        404,
        "There is no such generation (any more): the last 32 are kept."
    )
}
