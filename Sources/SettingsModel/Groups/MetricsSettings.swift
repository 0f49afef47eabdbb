import JSON

/// Certificate authorities.
public struct CertificateBundle: SettingsGroup {
    /// The certificates.
    public var data: PEMCertificates?
    /// Whether they are trusted.
    public var trusted: Bool?

    /// Nothing set.
    public init() {}

    /// The settings of the group.
    public static let fields: [Field<CertificateBundle>] = [
        Field(
            "data",
            \.data,
            "The certificates in PEM, in Base64.",
            example: .string(ExampleCertificate.base64)
        ),
        Field(
            "trusted",
            \.trusted,
            "Whether the certificates are trusted; false takes them out of the host's own bundle too.",
            example: true
        ),
    ]
}

/// Reports about the health of this host.
public struct MetricsSettings: SettingsGroup {
    /// Where they are sent.
    public var metricsURL: WebURL?
    /// Whether they are sent.
    public var sendMetrics: Bool?
    /// The units whose state is part of them.
    public var serviceChecks: [UnitName]?

    /// Nothing set.
    public init() {}

    /// The settings of the group.
    public static let fields: [Field<MetricsSettings>] = [
        Field(
            "metrics-url",
            \.metricsURL,
            "Where reports are sent. Nothing of this version sends any: the settings are kept for one that does.",
            example: "https://metrics.example.org/v1/metrics"
        ),
        Field(
            "send-metrics",
            \.sendMetrics,
            "Whether reports are sent; without effect in this version.",
            example: false
        ),
        Field(
            "service-checks",
            \.serviceChecks,
            "The units whose state is part of the report; without effect in this version.",
            example: ["apiserver.service", "containerd.service"]
        ),
    ]
}
