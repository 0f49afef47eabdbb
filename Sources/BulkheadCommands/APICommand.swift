import ArgumentParser
import HostAPI
import JSON

/// `bulkhead api`: what the hosts' API is.
struct APICommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "api",
        abstract: "Show the definition of the hosts' API.",
        discussion: """
            Examples:
              bulkhead api openapi
            """,
        subcommands: [OpenAPICommand.self]
    )

    /// `bulkhead api openapi`: the OpenAPI document.
    struct OpenAPICommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "openapi",
            abstract: "Print the OpenAPI 3.1 document of the hosts' API.",
            discussion: """
                It is made from the same route table as the server. `make docs` writes it to docs/openapi.yaml.

                Examples:
                  bulkhead api openapi > openapi.yaml
                  bulkhead api openapi --format json
                """
        )

        enum Format: String, ExpressibleByArgument, CaseIterable { case yaml, json }

        @Option(help: "How to write it.")
        var format = Format.yaml

        func run() {
            switch format {
            case .yaml: print(OpenAPI.yaml, terminator: "")
            case .json: print(OpenAPI.document.prettyText)
            }
        }
    }
}
