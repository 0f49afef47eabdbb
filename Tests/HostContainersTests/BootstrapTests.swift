import Foundation
import HostAPI
import Synchronization
import TestSupport
import Testing

@testable import HostContainers

@Suite struct BootstrapTests {
    /// What was done, in order.
    private final class Record: Sendable {
        private let lines = Mutex<[String]>([])
        var all: [String] { lines.withLock { $0 } }
        func add(_ line: String) { lines.withLock { $0.append(line) } }
    }

    private func run(
        _ host: PlayedHost,
        _ record: Record,
        limits: Bootstrap.Limits = Bootstrap.Limits(),
        switchOffFails: Bool = false,
        command: @escaping @Sendable ([String]) -> Void = { _ in }
    ) async throws -> [Bootstrap.Failure] {
        struct Refused: Error {}
        let actions = Bootstrap.Actions(
            command: { arguments, _ in
                record.add(arguments.joined(separator: " "))
                command(arguments)
                return arguments.first == "bad" ? "it ended with status 1" : nil
            },
            switchOff: { group, name in
                record.add("off \(group).\(name)")
                if switchOffFails { throw Refused() }
            },
            log: { _ in }
        )
        return try await Bootstrap(
            paths: host.paths,
            address: host.bus.address,
            limits: limits,
            actions: actions
        ).run()
    }

    @Test func nothingConfiguredAsksNobody() async throws {
        let host = try PlayedHost()
        let record = Record()
        #expect(try await run(host, record) == [])
        #expect(record.all == [] && host.bus.calls == [])
    }

    @Test func commandsComeFirstAndNamesGiveTheOrder() async throws {
        let host = try PlayedHost()
        try host.write(
            """
            {"bootstrap-containers": {"good": {"source": "a/b", "mode": "always"},
               "down": {"source": "a/b", "mode": "always"}, "off": {"source": "a/b", "mode": "off"},
               "unset": {"source": "a/b"}},
             "bootstrap-commands": {
               "20": {"commands": [["apiclient", "c"]], "mode": "always"},
               "10": {"commands": [["apiclient", "a", "1"], ["apiclient", "b"]], "mode": "always"},
               "30": {"commands": [["apiclient", "d"]], "mode": "off"}}}
            """
        )
        let record = Record()
        #expect(try await run(host, record) == [])
        #expect(record.all == ["a 1", "b", "c"])
        #expect(
            host.jobs == [
                "StartUnit bootstrap-container@down.service replace",
                "StartUnit bootstrap-container@good.service replace",
            ]
        )
        #expect(try host.files.definition("boot.good").kind == .bootstrap)
    }

    @Test func onlyAnEssentialFailureEndsTheBoot() async throws {
        let host = try PlayedHost()
        try host.write(
            """
            {"bootstrap-commands": {"a": {"commands": [["apiclient", "bad"], ["apiclient", "never"]], "mode": "always"}},
             "bootstrap-containers": {"broken": {"source": "a/b", "mode": "always"},
               "needy": {"source": "a/b", "mode": "always", "essential": true},
               "slow": {"source": "a/b", "mode": "always"}}}
            """
        )
        let record = Record()
        let failures = try await run(host, record)
        #expect(record.all == ["bad"])
        #expect(
            failures.map(\.key) == [
                "bootstrap-commands.a", "bootstrap-containers.broken", "bootstrap-containers.needy",
            ]
        )
        #expect(failures.map(\.isEssential) == [false, false, true])
        #expect(failures[0].reason == "command 1 of 2, 'apiclient bad': it ended with status 1")
        #expect(!host.jobs.contains { $0.contains("slow") })
    }

    /// The reason is on the console, in the journal and in GET /health.
    @Test func argumentsOfCommandsAreNotTold() async throws {
        let host = try PlayedHost()
        try host.write(
            #"{"bootstrap-commands": {"a": {"commands": [["apiclient", "x"], ["apiclient", "bad", "a.b=secret"]], "mode": "always"}}}"#
        )
        let failures = try await run(host, Record())
        #expect(failures.map(\.reason) == ["command 2 of 2, 'apiclient bad': it ended with status 1"])
    }

    @Test func commandsChangeWhichContainersRun() async throws {
        let host = try PlayedHost()
        let commands = #""bootstrap-commands": {"a": {"commands": [["apiclient", "set"]], "mode": "always"}}"#
        func settings(_ mode: String) -> String {
            #"{"bootstrap-containers": {"good": {"source": "a/b", "mode": "\#(mode)"}}, \#(commands)}"#
        }
        try host.write(settings("off"))
        let (path, changed) = (host.paths.settings, settings("always"))
        let failures = try await run(host, Record()) { _ in
            try? Data(changed.utf8).write(to: URL(filePath: path))
        }
        #expect(failures == [])
        #expect(host.jobs == ["StartUnit bootstrap-container@good.service replace"])
    }

    @Test func everyPartHasItsTime() async throws {
        let host = try PlayedHost()
        try host.write(
            #"{"bootstrap-containers": {"slow": {"source": "a/b", "mode": "always"}, "slow2": {"source": "a/b", "mode": "always"}}}"#
        )
        var limits = Bootstrap.Limits()
        (limits.total, limits.each, limits.stop) = (
            .milliseconds(300), .milliseconds(300), .milliseconds(100)
        )
        let failures = try await run(host, Record(), limits: limits)
        #expect(failures.count == 2)
        #expect(failures.first?.reason.contains("was stopped") == true)
        #expect(failures.last?.reason.contains("no time left") == true)
        // Whoever asks the API hears of it, too.
        for (name, failure) in zip(["slow", "slow2"], failures) {
            let status = try #require(host.files.status("boot.\(name)"))
            #expect(status.state == .failed && status.lastError == failure.reason)
            #expect(status.kind == .bootstrap && status.desired == .always && status.image.source == "a/b")
        }
        // Asked for within its own short time, which a busy machine's bus may not have answered in.
        let stop = "StopUnit bootstrap-container@slow.service replace"
        for _ in 0..<400 where !host.jobs.contains(stop) { try await Task.sleep(for: .milliseconds(25)) }
        #expect(host.jobs.contains(stop))
    }

    @Test(arguments: [true, false])
    func whatIsEssentialRunsAgainUntilItSucceeds(_ isEssential: Bool) async throws {
        let host = try PlayedHost()
        let settings =
            #"{"bootstrap-commands": {"a": {"commands": [["apiclient", "bad"]], "mode": "once", "essential": \#(isEssential)}}}"#
        try host.write(settings)
        let record = Record()
        for _ in 0..<2 { _ = try await run(host, record) }
        let off = "off bootstrap-commands.a"
        #expect(record.all == (isEssential ? ["bad", "bad"] : ["bad", off, off]))
        try host.write(settings.replacingOccurrences(of: "bad", with: "good"))
        for _ in 0..<2 { #expect(try await run(host, record) == []) }
        #expect(record.all.suffix(3) == ["good", off, off])
    }

    @Test func whatRunsOnceDoesNotRunTwice() async throws {
        let host = try PlayedHost()
        let once = #"{"bootstrap-commands": {"a": {"commands": [["apiclient", "x"]], "mode": "once"}}}"#
        try host.write(once)
        let record = Record()
        // The power goes, or the API refuses: the mode is still "once" at the next boot.
        #expect(try await run(host, record, switchOffFails: true) == [])
        #expect(try await run(host, record) == [])
        #expect(record.all == ["x", "off bootstrap-commands.a", "off bootstrap-commands.a"])
        // Another command under the name is something new.
        try host.write(once.replacingOccurrences(of: "\"x\"", with: "\"y\""))
        #expect(try await run(host, record) == [])
        #expect(record.all.suffix(2) == ["y", "off bootstrap-commands.a"])
        // Switched off, seen by 'apply', and set to once again: it runs again.
        #expect(try host.apply(once.replacingOccurrences(of: "once", with: "off")) == [])
        try host.write(once)
        #expect(try await run(host, record) == [])
        #expect(record.all.suffix(2) == ["x", "off bootstrap-commands.a"])
    }

    @Test func aContainerThatCouldNotBeStartedRunsAtTheNextBoot() async throws {
        let host = try PlayedHost()
        try host.write(#"{"bootstrap-containers": {"broken": {"source": "a/b", "mode": "once"}}}"#)
        let record = Record()
        #expect(try await run(host, record).count == 1)
        #expect(record.all == [])
        #expect(try await run(host, record).count == 1)
        #expect(host.jobs.count == 2)
    }
}
