import JSON
import SettingsModel
import Testing

@testable import SettingsStore

/// Commits that go back unless they are confirmed, under clocks that jump.
struct TrialTests {
    @Test func goesBackWhenItsTimeIsOver() throws {
        let clock = TestClock()
        let store = try openStore(CutDisk(), clock: clock)
        try store.set(["a": "good"])
        try store.set(["a": "bad"], within: 60)
        #expect(store.trialSecondsLeft == 60)
        clock.pass(59)
        #expect(try store.endTrialIfDue() == nil)
        clock.pass(1)
        #expect(throws: StoreError.notOnTrial) { try store.confirm(by: author) }
        #expect(try store.endTrialIfDue() == [key("a")])
        #expect(store.value("a") == "good")
        #expect(store.current.reason == .unconfirmed)
        #expect(store.trialSecondsLeft == nil)
    }

    @Test func confirmedStays() throws {
        let clock = TestClock()
        let disk = CutDisk()
        let store = try openStore(disk, clock: clock)
        try store.set(["a": "new"], within: 60)
        try store.confirm(by: author)
        clock.pass(100)
        #expect(try store.endTrialIfDue() == nil)
        #expect(try openStore(disk, clock: clock).value("a") == "new")
    }

    @Test func clockJumps() throws {
        let clock = TestClock()
        let disk = CutDisk()
        let store = try openStore(disk, clock: clock)
        try store.set(["a": "good"])
        clock.pass(1000)
        try store.set(["a": "bad"], within: 60)
        // Set back by a day: still 60 seconds, not more.
        clock.wall -= 86_400
        #expect(store.trialSecondsLeft == 60)
        clock.pass(60)
        #expect(store.trialSecondsLeft == 0)
        // Another process counts anew from when it opened the store.
        let again = try openStore(disk, clock: clock)
        #expect(again.trialSecondsLeft == 60)
        // Set forward: over at once.
        clock.wall += 200_000
        #expect(again.trialSecondsLeft == 0)
        clock.wall = .min
        #expect(again.trialSecondsLeft == 60)
    }

    /// The first time from the network after boot may be years away from the clock of the board.
    @Test func clockSetForwardDoesNotEndIt() throws {
        let clock = TestClock()
        let disk = CutDisk()
        let store = try openStore(disk, clock: clock)
        try store.set(["a": "good"])
        try store.set(["a": "bad"], within: 60)
        clock.wall += 86_400 * 365
        #expect(store.trialSecondsLeft == 60)
        clock.pass(20)
        #expect(store.trialSecondsLeft == 40)
        try store.set(["b": "during"])
        #expect(try store.endTrialIfDue() == nil)
        clock.pass(40)
        #expect(try store.endTrialIfDue() == [key("a"), key("b")])
    }

    /// Who asks for a trial gets one, also where the settings have the values already.
    @Test func changingNothingIsOnTrialToo() throws {
        let clock = TestClock()
        let disk = CutDisk()
        let store = try openStore(disk, clock: clock)
        try store.set(["a": "1"])
        #expect(try store.set(["a": "1"], within: 60) == [])
        #expect(store.trialSecondsLeft == 60)
        #expect(try openStore(disk, clock: clock).trialSecondsLeft == 60)
        try store.confirm(by: author)
        #expect(store.trialSecondsLeft == nil)
        // In a running trial the time begins anew, and what comes back stays the same.
        try store.set(["a": "bad"], within: 60)
        let previous = try #require(store.current.trial?.previous)
        clock.pass(50)
        #expect(try store.set(["a": "bad"], within: 60) == [])
        #expect(store.trialSecondsLeft == 60)
        #expect(store.current.trial?.previous == previous)
        clock.pass(60)
        #expect(try store.endTrialIfDue() == [key("a")])
        #expect(store.value("a") == "1")
    }

    @Test func endsWhileTheHostWasOff() throws {
        let clock = TestClock()
        let disk = CutDisk()
        let store = try openStore(disk, clock: clock)
        try store.set(["a": "good"])
        try store.set(["w": "weak"], .weak)
        try store.set(["a": "bad"], within: 60)
        clock.pass(3600)
        let again = try openStore(disk, clock: clock)
        #expect(again.value("a") == "bad")
        #expect(try again.beginBoot(defaults: texts(["d": "1"])) == [key("a"), key("d"), key("w")])
        #expect(again.current.settings == texts(["a": "good", "d": "1"]))
        #expect(again.trialSecondsLeft == nil)
    }

    @Test func lateCommitStandsOnWhatCameBack() throws {
        let clock = TestClock()
        let store = try openStore(CutDisk(), clock: clock)
        try store.set(["a": "good"])
        try store.set(["a": "bad"], within: 60)
        clock.pass(61)
        #expect(try store.set(["b": "1"]) == [key("a"), key("b")])
        #expect(store.current.settings == texts(["a": "good", "b": "1"]))
        #expect(store.trialSecondsLeft == nil)
    }
}
