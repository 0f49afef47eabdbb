import TestSupport
import Testing

@testable import Rollout

@Suite struct WaveTableTests {
    private static let origin: Int64 = 1_700_000_000

    @Test func everySeedHasItsTimeInsideItsOwnWave() throws {
        let table = try WaveTable(.standard, from: Self.origin)
        var previous = Int64.min
        for seed in 0..<2048 {
            let time = try #require(try table.releaseTime(seed: seed))
            #expect(time >= previous)
            previous = time
            let wave = try #require(table.starts.lastIndex { $0.seed <= seed })
            let end = wave + 1 < table.starts.count ? table.starts[wave + 1].time : try #require(table.end)
            #expect((table.starts[wave].time..<end).contains(time))
        }
    }

    /// Bottlerocket's weakness W1: with the absolute seed, 71 % of the hosts come at the very end of their wave.
    @Test func hostsAreSpreadEvenlyOverTheirOwnWave() throws {
        let table = try WaveTable(.standard, from: Self.origin)
        for (index, wave) in table.starts.enumerated() {
            let isLast = index == table.starts.count - 1
            let seeds = wave.seed..<(isLast ? Fleet.seedCount : table.starts[index + 1].seed)
            let end = isLast ? try #require(table.end) : table.starts[index + 1].time
            let times = try seeds.map { try #require(try table.releaseTime(seed: $0)) }
            #expect(times.first == wave.time)
            let step = Double(end - wave.time) / Double(seeds.count)
            for (first, second) in zip(times, times.dropFirst()) {
                #expect(abs(Double(second - first) - step) <= 1)
            }
            #expect(Double(end - times[times.count - 1]) <= step + 1)
        }
    }

    @Test func everyTimeEqualsThatOfAnIndependentComputation() throws {
        let table = try WaveTable(.standard, from: Self.origin)
        let times = try (0..<2048).map { try #require(try table.releaseTime(seed: $0)) }
        let program = """
            from fractions import Fraction
            import math
            waves = [(1, 1), (4, 5), (24, 15), (48, 40), (96, 60), (120, 90), (144, 100)]
            starts = [(math.floor(Fraction(share, 100) * 2048), \(Self.origin) + hours * 3600)
                      for (hours, _), share in zip(waves, [0] + [s for _, s in waves])]
            starts.append((2048, 2 * starts[-1][1] - starts[-2][1]))
            for seed in range(2048):
                for (a, s), (b, e) in zip(starts, starts[1:]):
                    if a <= seed < b:
                        print(math.floor(s + Fraction(e - s) * Fraction(seed - a, b - a)))
            """
        let (status, output) = try runTool("python3", "-c", program)
        #expect(status == 0, "\(output)")
        #expect(output.split(separator: "\n").map { Int64($0) } == times)
    }

    @Test func theLastWaveLastsAsLongAsTheOneBefore() throws {
        let table = try WaveTable(.standard, from: 0)
        #expect(table.end == Int64(604_800))
        let single = try WaveTable(WaveSchedule([.init(startAfter: 60, fleetPercentage: 100)]), from: 0)
        #expect(single.end == 60)
        #expect(try single.releaseTime(seed: 0) == 60 && single.releaseTime(seed: 2047) == 60)
    }

    @Test func withoutWavesItIsOpenToEverybody() throws {
        #expect(try WaveTable.open.releaseTime(seed: 2047) == nil)
        #expect(WaveTable.open.end == nil)
    }

    @Test(arguments: [-1, 2048, Int.max, Int.min])
    func aSeedOutsideOfTheFleetIsAnError(_ seed: Int) throws {
        #expect(throws: RolloutError.badSeed(seed)) { try WaveTable.open.releaseTime(seed: seed) }
    }

    @Test(arguments: [
        [(1, 5)], [(0, 5), (0, 6)], [(0, 5), (9, 5)], [(0, 5), (9, 4)], [(0, -1)], [(0, 5), (2048, 6)],
        [(0, Int64.max)], [(0, 5), (-3, 9)],
    ])
    func aDamagedTableIsAnError(_ starts: [(Int, Int64)]) {
        #expect(throws: RolloutError.self) {
            try WaveTable(starts.map { WaveTable.Start(seed: $0.0, time: $0.1) })
        }
    }

    @Test(arguments: [Int64.max, -1, 253_402_300_799])
    func aScheduleBeyondAllTimesIsAnError(_ time: Int64) {
        #expect(throws: RolloutError.self) { try WaveTable(.standard, from: time) }
    }
}
