import Glibc
import HTTPFetch
import TUF

/// The program `tuf-client`: a TUF client for interoperability runs.
///
/// Its command line is the one that the suite tuf-conformance describes.
public enum TUFClientProgram {
    /// No root metadata file that is given by hand is larger, in bytes.
    private static let rootLimit = ClientLimits().rootBytes

    /// Runs the program.
    /// - Parameter arguments: without the program's name.
    /// - Returns: its exit status: 0, or 1 when anything failed.
    public static func main(arguments: [String]) async -> Int32 {
        do {
            try await run(Options(arguments))
            return 0
        } catch let error as Options.UsageError {
            say("tuf-client: \(error)\n\(Options.usage)")
        } catch {
            say("tuf-client: \(error)")
        }
        return 1
    }

    private static func run(_ options: Options) async throws {
        // The one time of this operation.
        let now = MetadataTime.now
        let store = FileStore(folder: options.metadataFolder)
        if case .initialize(let path) = options.command {
            try MetadataClient.initialize(store, trustedRoot: readRoot(path))
            return
        }
        let repository = try Repository(metadataURL: options.metadataURL)
        var client = MetadataClient(store: store, now: now) { name, limit in
            try await repository.metadata(name, limit: limit)
        }
        try await client.refresh()
        let folder = TargetFolder(options.targetFolder)
        for name in options.targetNames {
            let target = try await client.target(name)
            if !folder.has(target) {
                try await folder.write(target) { body in
                    try await repository.target(target, below: options.targetURL, body: body)
                }
            }
            print(folder.file(of: name))
        }
    }

    private static func readRoot(_ path: String) throws(TUFError) -> [UInt8] {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        let folder = parts.dropLast().joined(separator: "/")
        // The store reads bounded; a file without a folder lies in the current one.
        let store = FileStore(folder: parts.count == 1 ? "." : folder)
        guard let name = parts.last, let bytes = try store.load(String(name), limit: rootLimit) else {
            throw .store(operation: "open", path: path, errno: ENOENT)
        }
        return bytes
    }

    private static func say(_ text: String) {
        let line = text + "\n"
        _ = line.withCString { write(STDERR_FILENO, $0, strlen($0)) }
    }
}
