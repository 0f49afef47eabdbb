extension RouteTable {
    /// What only the updater answers, on its own socket: for the host's own programs, not for clients of the API.
    ///
    /// The API server has nothing at these paths, and they are not in `docs/openapi.yaml`.
    public static let updaterEndpoints: [Endpoint] = [
        Endpoint(
            .commitBoot,
            .post,
            "/updater/commit-boot",
            "Commits the running release, which has proved itself: its boot entry loses its counter.",
            responses: [.init(204, "It is committed.")]
        ),
        Endpoint(
            .rollBack,
            .post,
            "/updater/roll-back",
            "Takes the boot entry of the running release away, so that the next boot is that of the other slot.",
            details: "Answers when it is done; before, the whole other slot is read and verified.",
            responses: [
                .init(204, "The next boot is that of the other slot."),
                .init(404, "The other slot holds no release that was committed."),
                .init(409, "The updater's state does not allow it."),
                .init(423, "A command is under way."),
            ]
        ),
    ]
}
