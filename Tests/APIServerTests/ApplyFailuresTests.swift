import Foundation
import HostAPI
import JSON
import Logging
import TestSupport
import Testing

@testable import APIServer

/// What could not be applied, until it is.
@Suite struct ApplyFailuresTests {
    private static func open(_ path: String) -> ApplyFailures {
        ApplyFailures(path: path, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    @Test func theNextRunOfTheSameTakesItAway() throws {
        let folder = try TemporaryDirectory()
        let path = folder.file("failures.json")
        var failures = Self.open(path)
        failures.note(
            ApplyResult(
                files: [.init(path: "/etc/a", changed: false, error: "no room")],
                services: [
                    .init(name: "one", command: "restart", outcome: .timedOut),
                    .init(name: "two", command: "restart", outcome: .failed, error: "it is \"masked\""),
                ]
            ),
            time: 7
        )
        let expected: [String: ApplyFailures.Failure] = [
            "/etc/a": .init(message: "no room", time: 7),
            "one": .init(message: "restart: timed-out", time: 7),
            "two": .init(message: "restart: it is \"masked\"", time: 7),
        ]
        #expect(failures.byName == expected)
        #expect(Self.open(path).byName == expected)
        failures.note(
            ApplyResult(
                files: [.init(path: "/etc/a", changed: true)],
                services: [
                    .init(name: "one", command: "restart", outcome: .skipped),
                    .init(name: "two", command: "restart", outcome: .done),
                ]
            ),
            time: 8
        )
        #expect(Self.open(path).byName == ["one": .init(message: "restart: timed-out", time: 7)])
    }

    @Test(arguments: [
        "", "[]", "{\"one\": 1}", "{\"one\": {\"message\": \"x\"}}",
        "{\"one\": {\"message\": 1, \"time\": 1}}", "{",
    ])
    func aDamagedFileIsNone(_ text: String) throws {
        let folder = try TemporaryDirectory()
        try text.write(toFile: folder.file("failures.json"), atomically: false, encoding: .utf8)
        #expect(Self.open(folder.file("failures.json")).byName.isEmpty)
    }

    @Test func aCommandThatIsDoneDoesNotMendAnother() throws {
        let folder = try TemporaryDirectory()
        var failures = Self.open(folder.file("failures.json"))
        let services: [ApplyResult.Service] = [
            .init(name: "one", command: "reload", outcome: .failed, error: "no"),
            .init(name: "one", command: "restart", outcome: .done),
        ]
        failures.note(ApplyResult(services: services), time: 1)
        #expect(failures.byName == ["one": .init(message: "reload: no", time: 1)])
    }

    /// Whatever a failed template says, it is kept and read again.
    @Test func longMessagesAreShortened() throws {
        let folder = try TemporaryDirectory()
        let path = folder.file("failures.json")
        var failures = Self.open(path)
        let files = (0..<500).map {
            ApplyResult.File(
                path: "/etc/\($0)",
                changed: false,
                error: String(repeating: "e", count: 100_000)
            )
        }
        failures.note(ApplyResult(files: files, services: []), time: 1)
        #expect(Self.open(path).byName.count == 500)
    }

    @Test func healthTellsOfItUntilItIsMended() throws {
        let host = try TestHost()
        let place = host.folder.file("run/etc/motd")
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        try host.start()
        #expect(try host.call("PATCH", "/settings", #"{"motd":"new"}"#).status == 204)
        #expect(try host.call("POST", "/tx/commit_and_apply").status == 200)
        func problems() throws -> [String] {
            try host.call("GET", "/health").json["problems"]?.elements?.compactMap { $0["message"]?.string }
                ?? []
        }
        #expect(try problems().contains { $0.hasPrefix("/etc/motd: ") })
        // The server after this one knows, too.
        host.kill()
        try host.start()
        #expect(try problems().contains { $0.hasPrefix("/etc/motd: ") })
        try FileManager.default.removeItem(atPath: place)
        #expect(try host.call("POST", "/tx/apply").status < 300)
        #expect(try problems().isEmpty)
        #expect(try host.call("GET", "/health").json["status"] == "ok")
    }
}
