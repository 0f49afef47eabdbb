internal import JSON

/// The route table: every operation once, in the order of the documentation.
public enum RouteTable {
    /// The endpoints: those that are documented, and the updater's own.
    public static let endpoints: [Endpoint] = documentedEndpoints + updaterEndpoints

    /// The endpoints of the API of a host, which `docs/openapi.yaml` describes.
    public static let documentedEndpoints: [Endpoint] = sections.flatMap(\.endpoints)

    /// Endpoints that belong together: the chapters of the documentation.
    public struct Section: Sendable {
        /// A word or two.
        public let name: String
        /// One sentence.
        public let description: String
        /// The endpoints.
        public let endpoints: [Endpoint]
    }

    /// The endpoints, by chapter.
    public static let sections: [Section] = [
        Section(
            name: "Settings",
            description: "What is in force, and what shall be.",
            endpoints: settingsEndpoints
        ),
        Section(
            name: "Transactions",
            description: "Pending changes: look at them, commit them, apply them.",
            endpoints: transactionEndpoints
        ),
        Section(
            name: "Generations",
            description: "Committed states of the settings: compare them, bring one back.",
            endpoints: generationEndpoints
        ),
        Section(
            name: "Host",
            description: "What the host runs, and what follows its settings.",
            endpoints: hostEndpoints
        ),
        Section(
            name: "Actions",
            description: "Reboot, lockdown, updates, commands in host containers.",
            endpoints: actionEndpoints + execEndpoints
        ),
        Section(
            name: "Watching",
            description: "Health, metrics, events, reports.",
            endpoints: watchingEndpoints
        ),
    ]

    /// The endpoint of an operation.
    public static func endpoint(for operation: Operation) -> Endpoint {
        // The table has every operation, which a test watches over; an operation without entry is a fault of the build.
        guard let index = positions[operation] else { fatalError("no endpoint for \(operation.rawValue)") }
        return endpoints[index]
    }

    /// Answers that every endpoint can give, all of them problem details.
    public static let commonResponses: [Endpoint.Response] = [
        .init(400, "The request is malformed, or one of its parameters is not what is declared here."),
        .init(405, "The path exists, but not with this method; `Allow` names those it has."),
        .init(408, "The request was not complete within 30 seconds."),
        .init(413, "The body is longer than 1 MiB."),
        .init(414, "The request target is longer than 16 KiB."),
        .init(431, "The header is longer than 16 KiB."),
        .init(
            500,
            "The host failed, or its state partition is full: nothing was changed; `detail` and the journal say more."
        ),
        .init(
            503,
            "The server is stopping, or serves as many clients or long bodies as it can: try again later (`Retry-After`)."
        ),
    ]

    private static let positions = Dictionary(
        endpoints.enumerated().map { ($1.operation, $0) },
        uniquingKeysWith: { first, _ in first }
    )
}

extension RouteTable {
    static let tx = Endpoint.Parameter("tx", "The transaction; `default` if not given.", form: .transaction)
    static let prefix = Endpoint.Parameter(
        "prefix",
        "Only what has a name that begins with this text, such as `settings.net`.",
        form: .text(maximumLength: 1024)
    )
    static let names = Endpoint.Parameter(
        "names",
        "Only these, separated by commas; wins over `prefix`.",
        form: .names
    )
    static let confirmWithin = Endpoint.Parameter(
        "confirm-within",
        "Puts the commit on trial: unless `POST /tx/confirm` comes within so many seconds, it is taken back.",
        form: .integer(10...86_400)
    )
    static let report = Endpoint.Parameter(
        "report",
        "Whether to answer what was done to files and services. So does `Accept: \(ApplyResult.mediaType)`.",
        form: .boolean
    )
    static func keys(required: Bool, _ summary: String) -> Endpoint.Parameter {
        Endpoint.Parameter("keys", summary, required: required, form: .keys)
    }

    static let settings = Endpoint.Content(schema: OpenAPI.settingsReference)
    static let keyList = Endpoint.Content(schema: PayloadSchema.list(PayloadSchema.key))
    static let applyReport = Endpoint.Content(ApplyResult.mediaType, schema: ApplyResult.reference)

    static let mediaTypeRefused = Endpoint.Response(415, "The body is not `application/json`.")
    static let lockedDown = Endpoint.Response(423, "The host is locked down: no changes until it reboots.")
}
