import ArgumentParser
import HostAPIClient
import Testing

@testable import APIClient

@Suite struct ParsingTests {
    private func parse<Command>(_ arguments: String..., as type: Command.Type = Command.self) throws
        -> Command
    {
        let arguments = try APIClientCommand.arranged(arguments)
        return try #require(try APIClientCommand.parseAsRoot(arguments) as? Command)
    }

    private func message(_ arguments: [String]) -> (text: String, status: Int32) {
        do {
            _ = try APIClientCommand.parseAsRoot(APIClientCommand.arranged(arguments))
            return ("", 0)
        } catch {
            return (APIClientCommand.fullMessage(for: error), APIClientCommand.exitCode(for: error).rawValue)
        }
    }

    @Test func get() throws {
        let all: GetCommand = try parse("get")
        #expect(all.prefixes.isEmpty && !all.canonicalize)
        let some: GetCommand = try parse(
            "get",
            "settings.ntp",
            "motd",
            "--exclude",
            "a",
            "--exclude",
            "b",
            "--canonicalize"
        )
        #expect(some.prefixes == ["settings.ntp", "motd"])
        #expect(some.exclude == ["a", "b"])
        #expect(some.canonicalize)
        let uri: GetCommand = try parse("get", "/os")
        #expect(uri.prefixes == ["/os"])
        #expect(message(["get", "/os", "/tx"]).text.contains("You can only specify one URI."))
        #expect(message(["get", "/os", "motd"]).text.contains("prefixes or a URI, but not both"))
        #expect(message(["get", "/os", "--exclude", "x"]).text.contains("prefixes or a URI, but not both"))
    }

    @Test(arguments: [
        ("ntp", "settings.ntp"), ("settings.ntp", "settings.ntp"), ("settings.", "settings."), ("os", "os"),
        ("os.arch", "os.arch"), ("services", "services"), ("osx", "settings.osx"),
    ])
    func prefixesAreCompleted(prefix: String, complete: String) {
        #expect(GetCommand.complete(prefix) == complete)
    }

    @Test func set() throws {
        let pairs: SetCommand = try parse("set", "motd=a=b", #"settings.kernel.sysctl."a.b"=-1"#, "x=")
        #expect(pairs.pairs == ["motd=a=b", #"settings.kernel.sysctl."a.b"=-1"#, "x="])
        for name in ["-j", "--json"] {
            let json: SetCommand = try parse(
                "set",
                name,
                #"{"motd": "x"}"#,
                "--confirm-within",
                "60",
                "-o",
                "json"
            )
            #expect(json.documents == [#"{"motd": "x"}"#])
            #expect(json.trial.confirmWithin == 60)
            #expect(json.output.isJSON)
        }
    }

    @Test(arguments: [
        (["set"], "Must specify key=value settings or --json settings with 'set'"),
        (["set", "motd"], "Unknown argument 'motd'"),
        (["set", "a=b", "-j", "{}"], "Cannot specify key=value pairs and --json settings with 'set'"),
        (["set", "-j", "{}", "-j", "{}"], "Can't specify the --json argument multiple times."),
        (["set", "-j", "[]"], "JSON input must be an object (map)"),
        (["set", "-j", "{"], "Couldn't parse given JSON input: line 1, column 2"),
        (["set", "-j", #"{"settings": 1}"#], "JSON 'settings' value must be an object (map)"),
        (["set", "a=b", "--confirm-within", "9"], "10 to 86400 seconds, not 9"),
        (["set", "a=b", "--confirm-within", "86401"], "10 to 86400 seconds, not 86401"),
        (["unset"], "Missing expected argument '<keys> ...'"),
        (["unset", "a..b"], "a part of it is empty"),
        (["unset", "settings"], "is all settings"),
        (["apply", "s3://bucket/x"], "'s3' URIs are not supported"),
        (["apply", "-", "-"], "can only be read once"),
        (["apply", "--frobnicate"], "Unknown option '--frobnicate'"),
        (["generations", "show", "0"], "they begin with 1"),
        (["generations", "show", "x"], "'x'"),
        (["report", "-l", "1"], "belong to the report on a benchmark"),
        (["report", "fips", "-l", "1"], "-l takes 1 or 2"),
        (["report", "nope"], "'nope'"),
        (["exec", "admin"], "Missing expected argument"),
        (["exec", "-t", "-T", "admin", "ls"], "exclude each other"),
        (["events", "--limit", "0"], "--limit takes"),
        (["events", "--after", "x"], "--after takes"),
        (["completion", "csh"], "'csh'"),
        (["-m", "GET"], "Missing expected argument '--uri <uri>'"),
        (["frobnicate"], "There is no command 'frobnicate'."),
        (["-v", "frob", "-u", "/os"], "There is no command 'frob'."),
        (["get", "--log-level", "loud"], "'loud'"),
        (["tx", "frobnicate"], "frobnicate"),
    ])
    func wrongUsage(arguments: [String], text: String) {
        let message = message(arguments)
        #expect(message.text.contains(text), "\(message.text)")
        #expect(message.text.contains("Usage: apiclient"))
        #expect(message.status == ExitCode.validationFailure.rawValue)
    }

    @Test func raw() throws {
        for arguments in [
            ["raw", "-u", "/tx", "-m", "POST", "-d", "x"], ["--uri", "/tx", "-X", "POST", "--data", "x"],
        ] {
            let raw = try #require(try APIClientCommand.parseAsRoot(arguments) as? RawCommand)
            #expect(raw.uri == "/tx" && raw.method == "POST" && raw.data == "x")
        }
        let plain: RawCommand = try parse("-u", "/os")
        #expect(plain.method == "GET" && plain.data == nil)
    }

    @Test func globalsStandBeforeAndBehindTheCommand() throws {
        for arguments in [
            ["-s", "/x", "-v", "update", "check"], ["update", "-s", "/x", "check", "-v"],
            ["update", "check", "--socket-path", "/x", "--verbose"],
        ] {
            let check = try #require(try APIClientCommand.parseAsRoot(arguments) as? UpdateCommand.Check)
            #expect(check.globals.socketPath == "/x", "\(arguments)")
            #expect(check.globals.verbose, "\(arguments)")
        }
        let plain: GetCommand = try parse("get")
        #expect(plain.globals.socketPath == "/run/api.sock")
        #expect(plain.globals.level == .info)
        let quiet: GetCommand = try parse("--log-level", "error", "get")
        #expect(quiet.globals.level == .error)
    }

    @Test(
        arguments: [
            (["exec", "admin", "--", "sheltie", "df", "-h"], nil, ["sheltie", "df", "-h"]),
            (["exec", "admin", "sheltie", "df", "-h"], nil, ["sheltie", "df", "-h"]),
            (["exec", "-t", "admin", "--", "sheltie"], true, ["sheltie"]),
            (["exec", "-T", "admin", "ls", "-v", "-s", "x"], false, ["ls", "-v", "-s", "x"]),
            (["-s", "/y", "exec", "admin", "ls", "--help"], nil, ["ls", "--help"]),
            (["-v", "exec", "admin", "--", "ls", "--", "-v"], nil, ["ls", "--", "-v"]),
        ] as [([String], Bool?, [String])]
    )
    func exec(arguments: [String], tty: Bool?, command: [String]) throws {
        let arguments = try APIClientCommand.arranged(arguments)
        let exec = try #require(try APIClientCommand.parseAsRoot(arguments) as? ExecCommand)
        #expect(exec.target == "admin")
        #expect(exec.command == command)
        #expect(exec.tty == (tty == true) && exec.noTTY == (tty == false))
        #expect(exec.globals.verbose == (arguments.first == "-v"))
    }

    @Test func theOthers() throws {
        let apply: ApplyCommand = try parse("apply", "a.toml", "-", "base64:eA==", "https://x/y")
        #expect(apply.sources == ["a.toml", "-", "base64:eA==", "https://x/y"])
        let unset: UnsetCommand = try parse("unset", "motd", "settings.ntp", "--json")
        #expect(unset.keys == ["motd", "settings.ntp"] && unset.output.isJSON)
        #expect(try parse("tx", "show", as: TransactionCommand.Show.self).transaction.name == "default")
        let commit: TransactionCommand.Commit = try parse("tx", "commit", "mine", "--no-apply")
        #expect(commit.transaction.name == "mine" && !commit.apply)
        _ = try parse("tx", "list", as: TransactionCommand.List.self)
        _ = try parse("tx", "discard", "x", as: TransactionCommand.Discard.self)
        let diff: GenerationsCommand.Diff = try parse("generations", "diff", "4", "7")
        #expect(diff.from == 4 && diff.to == 7)
        #expect(try parse("generations", "restore", "4", as: GenerationsCommand.Restore.self).number == 4)
        let update: UpdateCommand.Apply = try parse("update", "apply", "-c", "-r")
        #expect(update.check && update.reboot)
        _ = try parse("update", "cancel", as: UpdateCommand.Cancel.self)
        _ = try parse("update", "status", as: UpdateCommand.Status.self)
        let report: ReportCommand = try parse("report", "cis-k8s", "-l", "2", "-f", "json")
        #expect(report.benchmark == .cisKubernetes && report.level == 2 && report.format == .json)
        let events: EventsCommand = try parse("events", "--limit", "2", "--timeout", "9", "--after", "7")
        #expect(events.limit == 2 && events.timeout == 9 && events.after == "7")
        for name in ["reboot", "lockdown", "health", "confirm"] {
            _ = try APIClientCommand.parseAsRoot([name])
        }
    }

    /// Every command of the tree has an example in its help.
    @Test func everyHelpHasAnExample() {
        func check(_ command: any ParsableCommand.Type, _ path: [String]) {
            let help = APIClientCommand.helpMessage(for: command, columns: 100)
            #expect(help.contains("Example: apiclient") || help.contains("Examples:\n  apiclient"), "\(path)")
            #expect(!command.configuration.abstract.isEmpty, "\(path)")
            for child in command.configuration.subcommands {
                check(child, path + [child.configuration.commandName ?? "\(child)"])
            }
        }
        check(APIClientCommand.self, [])
    }
}
