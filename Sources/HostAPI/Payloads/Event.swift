public import JSON

/// Something that happened on the host: one message of `GET /events`.
///
/// The form on the wire is that of server-sent events (WHATWG HTML, section 9.2).
public struct Event: Sendable, Equatable {
    /// The media type of the stream.
    public static let mediaType = "text/event-stream"
    /// What is sent while nothing happens, so that a dead connection is found.
    public static let keepAlive = ": keep-alive\n\n"

    /// The kinds of events.
    public enum Name: String, Sendable, CaseIterable {
        /// A generation was committed: `{"generation", "changed", "author", "trial"}`.
        case commit
        /// Settings were applied: an `ApplyResult`.
        case apply
        /// A trial began, was confirmed or ended: `{"generation", "state", "seconds_left"}`.
        case trial
        /// The updater's status changed: an `UpdateStatus`.
        case update
        /// The host's health changed: a `Health`.
        case health
        /// What a host or bootstrap container does changed: a `HostContainerStatus`.
        case container
    }

    /// The number of the event: one more than that of the event before, and higher than all before the server started.
    public var id: UInt64
    /// The kind.
    public var name: Name
    /// What happened, without secrets.
    public var data: JSONValue

    /// An event.
    public init(id: UInt64, name: Name, data: JSONValue) {
        self.id = id
        self.name = name
        self.data = data
    }

    /// The message on the wire, with the empty line that ends it.
    public var text: String { "id: \(id)\nevent: \(name.rawValue)\ndata: \(data)\n\n" }
}
