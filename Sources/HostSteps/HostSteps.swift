/// The program `hostd`: a stub until the boot steps are there.
public enum HostStepsProgram {
    /// Runs a subcommand.
    public static func main(arguments: [String]) async -> Int32 { 2 }
}
