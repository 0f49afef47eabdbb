/// The program `apiclient`: a stub until the client is there.
public enum APIClientProgram {
    /// Runs a command.
    public static func main(arguments: [String]) async -> Int32 { 2 }
}
