public import JSON

/// One entry of the route table: what server, client and `docs/openapi.yaml` are made from.
public struct Endpoint: Sendable {
    /// The methods of HTTP that the API uses.
    public enum Method: String, Sendable {
        case get = "GET", post = "POST", patch = "PATCH", delete = "DELETE"
    }

    /// One parameter of the query or of the path.
    public struct Parameter: Sendable {
        /// The name in the URI.
        public var name: String
        /// One sentence.
        public var summary: String
        /// Whether a request without it is refused with 400.
        public var isRequired: Bool
        /// What its value may be.
        public var form: ParameterForm
        /// Whether it is a part of the path, written there as `{name}`.
        public var isInPath: Bool

        /// A parameter.
        public init(
            _ name: String,
            _ summary: String,
            required: Bool = false,
            form: ParameterForm,
            inPath: Bool = false
        ) {
            self.name = name
            self.summary = summary
            isRequired = required || inPath
            self.form = form
            self.isInPath = inPath
        }
    }

    /// The content of a request or of an answer.
    public struct Content: Sendable {
        /// The media type.
        public var mediaType: String
        /// What it may be, as JSON Schema.
        public var schema: JSONValue
        /// A content to show.
        public var example: JSONValue?

        /// A content.
        public init(_ mediaType: String = "application/json", schema: JSONValue, example: JSONValue? = nil) {
            self.mediaType = mediaType
            self.schema = schema
            self.example = example
        }
    }

    /// One answer.
    public struct Response: Sendable {
        /// The status of HTTP.
        public var status: Int
        /// When it is given.
        public var summary: String
        /// Its content, one for each media type it can have; empty for none.
        ///
        /// Answers of 400 and above are problem details (RFC 9457) without being told.
        public var contents: [Content]

        /// An answer.
        public init(_ status: Int, _ summary: String, _ contents: Content...) {
            self.status = status
            self.summary = summary
            self.contents = contents
        }
    }

    /// What it does.
    public var operation: Operation
    /// The method.
    public var method: Method
    /// The path, with parameters as `{name}`.
    public var path: String
    /// One sentence.
    public var summary: String
    /// More, in Markdown; empty if there is nothing more to say.
    public var details: String
    /// The parameters.
    public var parameters: [Parameter]
    /// The body; nil where none is read.
    public var body: Content?
    /// Every answer but those that all endpoints give (`RouteTable.commonResponses`).
    public var responses: [Response]

    /// An entry.
    public init(
        _ operation: Operation,
        _ method: Method,
        _ path: String,
        _ summary: String,
        details: String = "",
        parameters: [Parameter] = [],
        body: Content? = nil,
        responses: [Response]
    ) {
        self.operation = operation
        self.method = method
        self.path = path
        self.summary = summary
        self.details = details
        self.parameters = parameters
        self.body = body
        self.responses = responses
    }
}
