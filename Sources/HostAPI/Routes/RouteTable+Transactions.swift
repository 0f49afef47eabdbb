internal import JSON

extension RouteTable {
    static let transactionEndpoints: [Endpoint] = [
        Endpoint(
            .getTransaction,
            .get,
            "/tx",
            "The settings that are pending in a transaction.",
            parameters: [tx],
            responses: [
                .init(200, "The settings; an empty object if there is no such transaction.", settings)
            ]
        ),
        Endpoint(
            .getTransactionWithMetadata,
            .get,
            "/v2/tx",
            "What is pending in a transaction, with strengths and deletions.",
            parameters: [tx],
            responses: [.init(200, "What is pending.", .init(schema: TransactionView.reference))]
        ),
        Endpoint(
            .deleteTransaction,
            .delete,
            "/tx",
            "Drops a transaction.",
            parameters: [tx],
            responses: [.init(200, "The keys that it would have changed.", keyList)]
        ),
        Endpoint(
            .listTransactions,
            .get,
            "/tx/list",
            "The names of the transactions that have pending changes.",
            responses: [
                .init(200, "The names, sorted.", .init(schema: PayloadSchema.list(["type": "string"])))
            ]
        ),
        Endpoint(
            .commit,
            .post,
            "/tx/commit",
            "Makes pending settings the ones in force, durably, without applying them.",
            parameters: [tx, confirmWithin],
            responses: [.init(200, "The keys whose value in force changed.", keyList)] + commitResponses
        ),
        Endpoint(
            .apply,
            .post,
            "/tx/apply",
            "Renders the files that follow settings and restarts what reads them.",
            parameters: [keys(required: false, "What changed; everything if not given."), report],
            responses: [
                .init(200, "What was done, where a report was asked for.", applyReport),
                .init(204, "It was done; no report was asked for."),
            ]
        ),
        Endpoint(
            .commitAndApply,
            .post,
            "/tx/commit_and_apply",
            "Commits and applies.",
            details: """
                The commit stays if applying fails: the report, `GET /health` and the events say what failed.
                """,
            parameters: [tx, confirmWithin, report],
            responses: [
                .init(
                    200,
                    "The keys whose value in force changed; or what was done, where a report was asked for.",
                    keyList,
                    applyReport
                )
            ] + commitResponses
        ),
        Endpoint(
            .confirmCommit,
            .post,
            "/tx/confirm",
            "Confirms the commit on trial: it stays.",
            responses: [
                .init(204, "It stays."),
                .init(409, "There is no commit on trial."),
                lockedDown,
            ]
        ),
    ]

    private static let commitResponses: [Endpoint.Response] = [
        .init(409, "The settings would be too many: a map has too many entries, or all take too much room."),
        .init(422, "Nothing is pending in the transaction."),
        lockedDown,
    ]
}
