import HostAPI
import Testing

@testable import HostAPIClient

@Suite("Progress of an update")
struct ProgressTests {
    @Test("a bar is as long as what is done")
    func bar() {
        let half = UpdateStatus.Progress(phase: "writing", done: 5 << 20, total: 10 << 20)
        #expect(ProgressLine.bar(half) == "[===============               ] writing: 50 % of 10.0 MiB")
        // More than everything, and a phase without a length.
        let over = UpdateStatus.Progress(phase: "writing", done: 11, total: 10)
        #expect(ProgressLine.bar(over).contains("100 %"))
        #expect(ProgressLine.bar(UpdateStatus.Progress(phase: "labels", done: 0, total: 0)) == "labels")
    }
}
