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
}
