/// What the command line of `tuf-client` asks for.
struct Options: Equatable {
    /// What to do.
    enum Command: Equatable {
        /// Trust a root metadata file, of this path.
        case initialize(trustedRoot: String)
        /// Bring the trusted metadata up to date.
        case refresh
        /// Refresh, and download targets.
        case download
    }

    /// What is wrong with a command line.
    struct UsageError: Error, Equatable, CustomStringConvertible {
        let description: String
    }

    var command: Command
    var metadataFolder: String
    var metadataURL = ""
    var targetNames: [String] = []
    var targetURL = ""
    var targetFolder = ""

    static let usage = """
        Usage: tuf-client --metadata-dir DIR [--metadata-url URL]
                          [--target-name PATH ...] [--target-base-url URL] [--target-dir DIR]
                          init TRUSTED_ROOT | refresh | download
        """

    init(_ arguments: [String]) throws(UsageError) {
        var values: [String: [String]] = [:]
        var words: [String] = []
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            guard argument.hasPrefix("--") else {
                words.append(argument)
                continue
            }
            let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(
                String.init
            )
            guard Self.names.contains(parts[0]) else {
                throw UsageError(description: "there is no option '\(parts[0])'")
            }
            guard let value = parts.count == 2 ? parts[1] : rest.popFirst() else {
                throw UsageError(description: "the option '\(parts[0])' needs a value")
            }
            values[parts[0], default: []].append(value)
        }
        func value(_ name: String, for command: String) throws(UsageError) -> String {
            guard let values = values[name], values.count == 1, !values[0].isEmpty else {
                throw UsageError(description: "'\(command)' needs one '\(name)'")
            }
            return values[0]
        }
        let name = words.first ?? ""
        metadataFolder = try value("--metadata-dir", for: name.isEmpty ? "tuf-client" : name)
        switch (name, words.count) {
        case ("init", 2):
            command = .initialize(trustedRoot: words[1])
        case ("refresh", 1):
            command = .refresh
            metadataURL = try value("--metadata-url", for: name)
        case ("download", 1):
            command = .download
            metadataURL = try value("--metadata-url", for: name)
            targetURL = try value("--target-base-url", for: name)
            targetFolder = try value("--target-dir", for: name)
            targetNames = values["--target-name"] ?? []
            guard !targetNames.isEmpty else {
                throw UsageError(description: "'download' needs at least one '--target-name'")
            }
        default:
            throw UsageError(description: "one of 'init TRUSTED_ROOT', 'refresh' and 'download' is expected")
        }
    }

    private static let names = [
        "--metadata-dir", "--metadata-url", "--target-name", "--target-base-url", "--target-dir",
    ]
}
