import JSON

/// The route table: every operation once, in the order of the documentation.
public enum RouteTable {
    /// The endpoints.
    public static let endpoints: [Endpoint] = [
        Endpoint(
            .getSettings,
            .get,
            "/settings",
            "Settings in force.",
            parameters: [
                Endpoint.Parameter("keys", "Keys, separated by commas; wins over `prefix`."),
                Endpoint.Parameter("prefix", "The beginning of the keys."),
            ],
            responses: [
                .init(200, "The settings.", .init(schema: ["$ref": "#/components/schemas/Settings"])),
                .init(400, "A key is not the key of a setting."),
                .init(404, "No setting has one of the keys, or the prefix."),
            ]
        )
    ]
}
