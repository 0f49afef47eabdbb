import HostAPIServer
import Logging
import NIOCore

/// The program `apiserver`.
public enum APIServerProgram {
    /// Serves until SIGTERM or SIGINT.
    ///
    /// - Parameter arguments: the command line without the program's name.
    /// - Returns: the exit status: 0 stopped, 1 could not start, 2 wrong usage.
    public static func main(arguments: [String]) async -> Int32 {
        let options: APIServerOptions
        do throws(APIServerError) {
            guard let parsed = try APIServerOptions(arguments: arguments) else {
                print(APIServerOptions.usage)
                return 0
            }
            options = parsed
        } catch {
            HostLogHandler.writeLine("apiserver: \(error)")
            return 2
        }
        // The updater is asked over them: one thread is enough, and each costs memory.
        NIOSingletons.groupLoopCountSuggestion = 1
        let logger = Logger(label: "apiserver") { _ in HostLogHandler(program: "apiserver") }
        do {
            try await ServerProgram.serve(socketPath: options.socket, mode: 0o660, logger: logger) { socket in
                let server = try await APIServer(options, socket: socket, logger: logger)
                return ServerProgram.Server(
                    greeting: "serving settings of generation \(server.generation)",
                    ping: { await server.ping() },
                    stop: { await server.stop() }
                )
            }
            return 0
        } catch {
            logger.critical("\(error)")
            return 1
        }
    }
}
