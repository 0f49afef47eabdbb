import Testing

@testable import HostAPIServer

@Suite struct IdlePagesTests {
    @Test func pagesGoOnceWhenNothingWasAskedForLong() {
        var pages = IdlePages()
        let looks: [UInt64] = [0, 0, 0, 5, 5, 5, 5, 6]
        #expect(
            looks.map { pages.look(answered: $0) } == [false, true, false, false, false, true, false, false]
        )
    }
}
