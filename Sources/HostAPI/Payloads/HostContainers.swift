public import JSON

/// What one host or bootstrap container shall do, what it does, and why not: a member of the answer of
/// `GET /host-containers`.
///
/// The same JSON is what the container's own supervisor keeps in `/run/bulkhead/host-containers/ID/status.json`.
public struct HostContainerStatus: Payload {
    /// The two kinds of containers beside the workloads.
    public enum Kind: String, Sendable, CaseIterable {
        /// Of `settings.host-containers`: runs until it is disabled.
        case host
        /// Of `settings.bootstrap-containers`: runs to its end at a boot, before the workloads.
        case bootstrap
    }

    /// What settings ask for.
    public enum Desired: String, Sendable, CaseIterable {
        /// A host container that is enabled.
        case running
        /// A host container that is disabled, a bootstrap container whose mode is `off`, or one without settings.
        case stopped
        /// A bootstrap container that runs at the next boot only.
        case once
        /// A bootstrap container that runs at every boot.
        case always
    }

    /// What the container does.
    public enum State: String, Sendable, CaseIterable {
        /// Its image is fetched from a registry.
        case pulling
        /// Its image is handed to the runtime, which unpacks it.
        case importing
        /// Its task is being made.
        case starting
        case running
        /// It was told to end.
        case stopping
        /// Nothing of it is left but its persistent storage.
        case stopped
        /// It ended by itself with status 0.
        case exited
        /// It could not be started, or ended with another status: `lastError` says more.
        case failed
    }

    /// The image that a container runs.
    public struct Image: Sendable, Equatable {
        /// The reference as it is in the settings.
        public var source: String
        /// The digest of the manifest, `sha256:` and hexadecimal digits; nil before the image is there.
        public var digest: String?

        /// An image.
        public init(source: String, digest: String? = nil) {
            self.source = source
            self.digest = digest
        }
    }

    /// How far fetching or importing is.
    public struct Progress: Sendable, Equatable {
        /// Bytes done.
        public var done: UInt64
        /// Bytes to do; 0 while that is not known.
        public var total: UInt64

        /// A progress.
        public init(done: UInt64, total: UInt64) {
            self.done = done
            self.total = total
        }
    }

    /// Bytes of `lastError` in UTF-8, at most.
    public static let maximumErrorLength = 2048

    /// The name of the container.
    public var name: String
    /// Which of the two kinds it is.
    public var kind: Kind
    /// What settings ask for.
    public var desired: Desired
    /// What it does.
    public var state: State
    /// Its image.
    public var image: Image
    /// Since when it is in this state.
    public var since: Timestamp
    /// How often it was started again after it had ended, since it was enabled or the host booted.
    public var restarts: UInt32
    /// What went wrong last, and what to do; nil if nothing did.
    ///
    /// Registries and runtimes have a part in it: what is longer than `maximumErrorLength` is cut and says so, and of
    /// control characters only line feeds and tabs stay.
    public var lastError: String? {
        didSet { lastError = lastError.map { $0.bounded(to: Self.maximumErrorLength) } }
    }
    /// How far fetching or importing is; nil in other states.
    public var progress: Progress?

    /// A status.
    public init(
        name: String,
        kind: Kind,
        desired: Desired,
        state: State,
        image: Image,
        since: Timestamp,
        restarts: UInt32 = 0,
        lastError: String? = nil,
        progress: Progress? = nil
    ) {
        self.name = name
        self.kind = kind
        self.desired = desired
        self.state = state
        self.image = image
        self.since = since
        self.restarts = restarts
        self.lastError = lastError.map { $0.bounded(to: Self.maximumErrorLength) }
        self.progress = progress
    }

    /// What the runtime, its folder below /run and the answer of `GET /host-containers` call it.
    public var id: String { Self.id(of: name, kind) }

    /// What a container is called: no name has a dot, so that both kinds may have the same names.
    public static func id(of name: String, _ kind: Kind) -> String {
        switch kind {
        case .host: name
        case .bootstrap: "\(bootstrapPrefix)\(name)"
        }
    }

    /// Before the name of a bootstrap container.
    private static let bootstrapPrefix = "boot."

    /// Takes apart what a container is called.
    public static func parts(ofID id: String) -> (name: String, kind: Kind) {
        id.hasPrefix(bootstrapPrefix)
            ? (String(id.dropFirst(bootstrapPrefix.count)), .bootstrap) : (id, .host)
    }

    /// The name in the OpenAPI document.
    public static let schemaName = "HostContainerStatus"

    /// The form, as JSON Schema.
    public static let schema = PayloadSchema.object(
        "What one host or bootstrap container shall do, what it does, and why not.",
        [
            "name": PayloadSchema.text("The name of the container."),
            "kind": PayloadSchema.choice(
                Kind.self,
                "host: of settings.host-containers; bootstrap: of settings.bootstrap-containers."
            ),
            "desired": PayloadSchema.choice(Desired.self, "What settings ask for."),
            "state": PayloadSchema.choice(State.self, "What it does."),
            "image": PayloadSchema.object(
                "Its image.",
                [
                    "source": PayloadSchema.text("The reference as it is in the settings."),
                    "digest": PayloadSchema.nullable(
                        PayloadSchema.text("The digest of the manifest; null before the image is there.")
                    ),
                ]
            ),
            "since": PayloadSchema.time("Since when it is in this state."),
            "restarts": PayloadSchema.count("How often it was started again after it had ended."),
            "last_error": PayloadSchema.nullable(
                [
                    "type": "string", "maxLength": .integer(Int64(maximumErrorLength)),
                    "description": "What went wrong last, and what to do.",
                ]
            ),
            "progress": PayloadSchema.nullable(
                PayloadSchema.object(
                    "How far fetching or importing is.",
                    [
                        "done": PayloadSchema.count("Bytes done."),
                        "total": PayloadSchema.count("Bytes to do; 0 while that is not known."),
                    ]
                )
            ),
        ]
    )

    /// Reads a status.
    public init(json: JSONValue) throws(PayloadError) { try self.init(PayloadReader(json)) }

    init(_ object: PayloadReader) throws(PayloadError) {
        let image = try object.object("image")
        let lastError = try object.optionalText("last_error")
        if let lastError, lastError.unicodeScalars.count > Self.maximumErrorLength {
            throw object.wrong("last_error", "at most \(Self.maximumErrorLength) characters")
        }
        self.init(
            name: try object.text("name"),
            kind: try object.choice("kind", Kind.self),
            desired: try object.choice("desired", Desired.self),
            state: try object.choice("state", State.self),
            image: Image(source: try image.text("source"), digest: try image.optionalText("digest")),
            since: try object.time("since"),
            restarts: try object.integer("restarts", 0...UInt32.max),
            lastError: lastError,
            progress: try object.optionalObject("progress").map { progress throws(PayloadError) in
                Progress(
                    done: try progress.integer("done", 0...Self.maximumBytes),
                    total: try progress.integer("total", 0...Self.maximumBytes)
                )
            }
        )
    }

    /// The largest number of bytes that JSON text keeps exactly (RFC 8259, section 6).
    private static let maximumBytes: UInt64 = 1 << 53

    /// The status as JSON.
    public var json: JSONValue {
        var progressJSON = JSONValue.null
        if let progress {
            progressJSON = [
                "done": .integer(Int64(min(progress.done, Self.maximumBytes))),
                "total": .integer(Int64(min(progress.total, Self.maximumBytes))),
            ]
        }
        let digest: JSONValue = image.digest.map { .string($0) } ?? .null
        return [
            "name": .string(name), "kind": .string(kind.rawValue), "desired": .string(desired.rawValue),
            "state": .string(state.rawValue), "image": ["source": .string(image.source), "digest": digest],
            "since": .string(since.description), "restarts": .integer(Int64(restarts)),
            "last_error": lastError.map { .string($0) } ?? .null, "progress": progressJSON,
        ]
    }
}
