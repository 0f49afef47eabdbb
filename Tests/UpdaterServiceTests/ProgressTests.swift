import Testing

@testable import UpdaterService

@Suite("Automatic checks")
struct AutomaticCheckTests {
    @Test("the delay is the interval, give or take a quarter", arguments: [Int64(600), 3600, 31_536_000])
    func delay(interval: Int64) {
        #expect(AutomaticChecks.delay(interval) { $0.lowerBound } == interval - interval / 4)
        #expect(AutomaticChecks.delay(interval) { $0.upperBound } == interval + interval / 4)
    }
}
