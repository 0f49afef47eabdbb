import Testing

@testable import Rollout

@Suite struct WaveScheduleTests {
    private func parse(_ text: String) throws(RolloutError) -> WaveSchedule {
        try WaveSchedule(parsingTOML: Array(text.utf8))
    }

    @Test func bottlerocketsFormIsRead() throws {
        let schedule = try parse(
            """
            # the first hosts
            [[waves]]
            start_after = '4 hours'
            fleet_percentage = 5

            [[waves]]
            start_after = "1 day"
            fleet_percentage = 100
            """
        )
        #expect(
            schedule.waves == [
                .init(startAfter: 14_400, fleetPercentage: 5),
                .init(startAfter: 86_400, fleetPercentage: 100),
            ]
        )
    }

    /// bottlerocket.md 1.12: `{0:1h,20:4h,102:24h,307:48h,819:96h,1228:120h,1843:144h}`.
    @Test func theStandardScheduleIsBottlerockets() throws {
        let table = try WaveTable(.standard, from: 0)
        #expect(table.starts.map(\.seed) == [0, 20, 102, 307, 819, 1228, 1843])
        #expect(table.starts.map { $0.time / 3600 } == [1, 4, 24, 48, 96, 120, 144])
    }

    @Test(arguments: [
        ("", "no [[waves]]"),
        ("[[waves]\n", "not TOML"),
        ("waves = 3", "no [[waves]]"),
        ("waves = []", "no waves"),
        ("other = 1\n[[waves]]\nstart_after='1 hour'\nfleet_percentage=100", "'other'"),
        (
            "[[waves]]\nstart_after = 'soon'\nfleet_percentage = 100",
            "line 2, wave 1: 'start_after' is \"soon\""
        ),
        ("[[waves]]\nstart_after = 4\nfleet_percentage = 100", "line 2, wave 1: 'start_after' is 4"),
        ("[[waves]]\nfleet_percentage = 100", "line 1, wave 1: 'start_after' is missing"),
        ("[[waves]]\nstart_after = '1 hour'", "line 1, wave 1: 'fleet_percentage' is missing"),
        (
            "[[waves]]\nstart_after = '1 hour'\nfleet_percentage = 101",
            "line 3, wave 1: 'fleet_percentage' is 101"
        ),
        (
            "[[waves]]\nstart_after = '1 hour'\nfleet_percentage = 0",
            "line 3, wave 1: 'fleet_percentage' is 0"
        ),
        ("[[waves]]\nstart_after = '1 hour'\nfleet_percentage = 1.5", "'fleet_percentage' is 1.5"),
        (
            "[[waves]]\nstart_after = '1 hour'\nfleet_percentage = 50",
            "line 3, wave 1: 'fleet_percentage' is 50; write 100"
        ),
        (
            "[[waves]]\nstart_after = '1 hour'\nfleet_percentage = 100\nsize = 3",
            "line 4, wave 1: 'size' is 3"
        ),
        (
            "[[waves]]\nstart_after='2 hours'\nfleet_percentage=5\n[[waves]]\nstart_after='2 hours'\nfleet_percentage=100",
            "line 5, wave 2: 'start_after' is '2 hours'; write more than the '2 hours'"
        ),
        (
            "[[waves]]\nstart_after='1 hour'\nfleet_percentage=5\n[[waves]]\nstart_after='2 hours'\nfleet_percentage=5\n"
                + "[[waves]]\nstart_after='3 hours'\nfleet_percentage=100",
            "line 6, wave 2: 'fleet_percentage' is 5; write 6 to 99"
        ),
        (
            "[[waves]]\nstart_after='1 hour'\nfleet_percentage=100\n[[waves]]\nstart_after='2 hours'\nfleet_percentage=100",
            "wave 1: 'fleet_percentage' is 100; write 1 to 99"
        ),
    ])
    func whatIsWrongIsNamedWithItsLine(_ text: String, _ part: String) {
        #expect {
            _ = try parse(text)
        } throws: { error in
            "\(error)".contains(part)
        }
    }

    @Test func aFileWithoutEndIsRefused() {
        let wave = "[[waves]]\nstart_after = '1 hour'\nfleet_percentage = 100\n"
        #expect(throws: RolloutError.self) { try parse(String(repeating: wave, count: 10_000)) }
    }

    @Test(arguments: [
        ("0 seconds", 0), ("1 second", 1), ("90 minutes", 5400), ("1 hour", 3600), ("2  days", 172_800),
        ("2 weeks", 1_209_600), ("520 weeks", 314_496_000),
    ])
    func durationsAreRead(_ text: String, _ seconds: Int64) throws {
        #expect(try DurationText.parse(text) == seconds)
        #expect(try DurationText.parse(DurationText.format(seconds)) == seconds)
    }

    @Test(arguments: [
        "", "4", "hours", "4h", "-1 hours", "+1 hours", "1.5 hours", "4 fortnights", "4 hours later",
        "522 weeks",
        "99999999999999999999 weeks", "9223372036854775807 weeks", "٤ hours",
    ])
    func otherTextsAreNoDuration(_ text: String) {
        #expect(throws: RolloutError.badDuration(text)) { try DurationText.parse(text) }
    }
}
