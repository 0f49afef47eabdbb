internal import JSON

extension RouteTable {
    static let actionEndpoints: [Endpoint] = [
        Endpoint(
            .reboot,
            .post,
            "/actions/reboot",
            "Reboots the host, unless a program holds it back (systemd-inhibit(1)).",
            responses: [
                .init(204, "The host is about to reboot."),
                .init(409, "A program holds the reboot back; `detail` names it and its reason."),
            ]
        ),
        Endpoint(
            .lockdown,
            .post,
            "/actions/lockdown",
            "Refuses changes of settings until the next boot.",
            responses: [.init(204, "Changes are refused from now on.")]
        ),
        Endpoint(
            .refreshUpdates,
            .post,
            "/actions/refresh-updates",
            "Looks for updates.",
            details: accepted,
            parameters: [
                Endpoint.Parameter(
                    "version",
                    "Chooses this release, also one that failed on this host before; else what the settings say.",
                    form: .text(maximumLength: 128)
                ),
                Endpoint.Parameter(
                    "ignore-waves",
                    "Whether a release is taken before its wave has come, for this once.",
                    form: .boolean
                ),
            ],
            responses: [.init(204, "The command is under way.")] + commandResponses
        ),
        Endpoint(
            .prepareUpdate,
            .post,
            "/actions/prepare-update",
            "Writes the chosen update to the inactive slot.",
            details: accepted,
            responses: [
                .init(204, "The command is under way."),
                .init(404, "The chosen update is not offered any more."),
            ] + commandResponses
        ),
        Endpoint(
            .activateUpdate,
            .post,
            "/actions/activate-update",
            "Lets the next boot take the staged update.",
            details: accepted,
            responses: [
                .init(204, "The command is under way."),
                .init(404, "No update is staged."),
            ] + commandResponses
        ),
        Endpoint(
            .deactivateUpdate,
            .post,
            "/actions/deactivate-update",
            "Lets the next boot take the running OS again.",
            details: accepted,
            responses: [
                .init(204, "The command is under way."),
                .init(404, "No update is staged."),
            ] + commandResponses
        ),
        Endpoint(
            .getUpdateStatus,
            .get,
            "/updates/status",
            "How far an update is.",
            responses: [
                .init(200, "The status.", .init(schema: UpdateStatus.reference)),
                .init(404, "Nobody has looked for updates yet, or the host's updater does not run."),
                .init(423, "A command is under way."),
                noAnswer,
            ]
        ),
    ]

    private static let accepted = """
        It goes on after the answer; `GET /updates/status` and the event `update` say what became of it.
        """
    private static let commandResponses: [Endpoint.Response] = [
        .init(409, "The updater's state does not allow the command, or the host's updater does not run."),
        .init(423, "Another command is under way."),
        noAnswer,
    ]
    private static let noAnswer = Endpoint.Response(
        503,
        "The server is stopping, or serves as many clients as it can; or the updater did not answer in time, and what was asked may have been done."
    )
}
