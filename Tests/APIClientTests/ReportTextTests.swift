import HostAPI
import HostAPIClient
import JSON
import Testing

@testable import APIClient

/// What people read.
@Suite struct ReportTextTests {
    @Test func whatIsNotInEffectIsNamedWithItsReason() {
        let result = ApplyResult(
            changed: ["settings.motd"],
            files: [
                .init(path: "/etc/a", changed: true), .init(path: "/etc/b", changed: false),
                .init(path: "/etc/c", changed: false, error: "no\u{1b}space"),
            ],
            services: [
                .init(name: "a", command: "systemctl restart a", outcome: .done),
                .init(name: "b", command: "systemctl restart b", outcome: .skipped, error: "its file failed"),
                .init(name: "c", command: "systemctl restart c", outcome: .failed, error: "exit 1"),
                .init(name: "d", command: "systemctl restart d", outcome: .timedOut),
            ],
            notices: ["boot parameters need a new image"]
        )
        #expect(
            result.failures == [
                "/etc/c: no\\u{1b}space", "c (systemctl restart c): exit 1",
                "d (systemctl restart d): no end in time",
            ]
        )
        #expect(
            result.lines(confirmWithin: nil).joined(separator: "\n") == """
                Changed 1 setting:
                  settings.motd

                FILE    RESULT
                /etc/a  written
                /etc/c  failed

                SERVICE  COMMAND              RESULT
                a        systemctl restart a  done
                b        systemctl restart b  skipped: its file failed
                c        systemctl restart c  failed: exit 1
                d        systemctl restart d  timed-out
                Note: boot parameters need a new image
                """
        )
    }

    @Test func commitsOfOtherServersAreRead() throws {
        func answer(_ text: String) -> HostAPIResponse {
            HostAPIResponse(request: "POST /x", status: 200, headers: [], body: Array(text.utf8))
        }
        #expect(
            try ApplyResult(answer: answer(#"["settings.motd"]"#)) == ApplyResult(changed: ["settings.motd"])
        )
        for text in ["{", "7", #"{"changed": 1}"#] {
            #expect(throws: HostAPIError.self) { try ApplyResult(answer: answer(text)) }
        }
    }

    @Test func events() {
        let event = ServerSentEvent(id: "7", name: "commit", data: #"{"b":"x","a":[1]}"#)
        #expect(EventsCommand.line(event) == "commit a=[1] b=x")
        #expect(EventsCommand.jsonLine(event) == #"{"data":{"a":[1],"b":"x"},"event":"commit","id":7}"#)
        let strange = ServerSentEvent(id: "", name: "new", data: "\u{1b}[2J")
        #expect(EventsCommand.line(strange) == "new \\u{1b}[2J")
        #expect(EventsCommand.jsonLine(strange) == "{\"data\":\"\\u001b[2J\",\"event\":\"new\",\"id\":\"\"}")
    }

    @Test func hostContainersAreATable() {
        let time = Timestamp(seconds: 1_800_000_000)
        var admin = HostContainerStatus(
            name: "admin",
            kind: .host,
            desired: .running,
            state: .pulling,
            image: .init(source: "registry.example.org/admin:1"),
            since: time,
            restarts: 12,
            lastError: "no\u{202e}route",
            progress: .init(done: 1 << 20, total: 3 << 20)
        )
        let setup = HostContainerStatus(
            name: "setup",
            kind: .bootstrap,
            desired: .once,
            state: .exited,
            image: .init(source: "localhost/setup"),
            since: time
        )
        #expect(
            HostContainersCommand.lines([admin, setup]).joined(separator: "\n") == """
                NAME   KIND       DESIRED  STATE                         SINCE                 RESTARTS  IMAGE
                admin  host       running  pulling 1.00 MiB of 3.00 MiB  2027-01-15T08:00:00Z        12  \
                registry.example.org/admin:1
                setup  bootstrap  once     exited                        2027-01-15T08:00:00Z         0  localhost/setup

                admin: no\\u{202e}route
                """
        )
        admin.progress?.total = 0
        #expect(HostContainersCommand.lines([admin])[1].contains("pulling 1.00 MiB  "))
        #expect(HostContainersCommand.lines([]) == ["There are no host containers in the settings."])
    }
}
