import Dispatch
import Foundation
import HostAPI
import TestSupport
import Testing

@testable import APIServer

@Suite struct BootReportsTests {
    @Test func reportsThatComeAtOnceAreAllKept() throws {
        let folder = try TemporaryDirectory()
        let path = folder.file("boot-reports.json")
        let steps = BootReport.Step.allCases
        for round in 0..<20 {
            let reports = BootReports(path: path)
            DispatchQueue.concurrentPerform(iterations: 50) { number in
                let step = steps[(number + round) % steps.count]
                try? reports.add(BootReport(step: step, problems: []))
            }
            #expect(reports.all.map(\.step) == steps)
            #expect(BootReports(path: path).all == reports.all)
            try FileManager.default.removeItem(atPath: path)
        }
    }
    /// As large as the server takes them: 1 MiB each.
    @Test func theLargestReportsOfAllStepsAreKept() throws {
        let folder = try TemporaryDirectory()
        let path = folder.file("boot-reports.json")
        let reports = BootReports(path: path)
        let problem = HealthProblem(
            source: "apply",
            message: String(repeating: "x", count: 1000),
            time: Timestamp(seconds: 1_700_000_000)
        )
        for step in BootReport.Step.allCases {
            try reports.add(BootReport(step: step, problems: Array(repeating: problem, count: 1000)))
        }
        #expect(try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0 > 5_000_000)
        #expect(BootReports(path: path).all == reports.all)
    }
}
