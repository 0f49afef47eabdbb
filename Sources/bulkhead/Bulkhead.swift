import BulkheadCommands

@main struct Bulkhead {
    static func main() async {
        await BulkheadCommand.runProgram()
    }
}
