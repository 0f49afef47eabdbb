import Foundation
import HostHealth
import TestSupport
import Testing

@testable import HostSteps

@Suite struct HealthStepsTests {
    @Test func whyATrialFailedIsKeptAndTold() async throws {
        let directory = try TemporaryDirectory()
        #expect(await step("show-failure", "--root", directory.path).output == "no failed trial is on record")
        // The state partition is not there: it can't be kept.
        let early = await step("record-failure", "--root", directory.path)
        #expect(early.status == 1 && early.error.contains("could not make the folder"))
        for (name, text) in [
            "state/x": "", "usr/lib/os-release": "VERSION_ID=0.2.0\n",
            "run/bulkhead/boot-health.json":
                #"{"healthy":false,"checks":[{"name":"units","status":"unhealthy","detail":"failed: x"}]}"#,
        ] {
            let url = directory.url.appending(path: name)
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(),
                withIntermediateDirectories: true
            )
            try Data(text.utf8).write(to: url)
        }
        #expect(await step("record-failure", "--root", directory.path).status == 0)
        let told = await step("show-failure", "--root", directory.path)
        #expect(told.status == 0)
        #expect(told.output.hasPrefix("version 0.2.0 failed its trial at "))
        #expect(told.output.contains("\n  check units: failed: x"))
        let record = try #require(try BootFailureRecord.load(from: HostFiles(root: directory.path)))
        #expect(record.version == "0.2.0")
    }

    @Test func aRecordThatCannotBeReadFailsNothing() async throws {
        let directory = try TemporaryDirectory()
        try FileManager.default.createDirectory(
            atPath: directory.file("state/updates"),
            withIntermediateDirectories: true
        )
        try Data("{".utf8).write(to: directory.url.appending(path: BootFailureRecord.path))
        let told = await step("show-failure", "--root", directory.path)
        #expect(told.status == 0 && told.error.contains("remove it"))
    }

    @Test func theReportOfTheChecksIsKept() async throws {
        let directory = try TemporaryDirectory()
        // This machine is no host.
        #expect(await step("check-boot", "--report", directory.file("report.json")).status == 1)
        let text = try String(contentsOfFile: directory.file("report.json"), encoding: .utf8)
        #expect(text.contains("\"healthy\":false"))
        let lost = await step("check-boot", "--report", directory.file("none/report.json"))
        #expect(lost.status == 1 && lost.error.contains("could not make"))
        #expect(lost.output.hasSuffix("this boot is NOT healthy"))
    }
}
