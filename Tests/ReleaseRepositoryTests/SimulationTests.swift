import Foundation
import Rollout
import TestSupport
import Testing

@testable import ReleaseRepository

@Suite struct SimulationTests {
    private func simulate(_ hosts: Int, failureRate: Double = 0, poll: Int64 = 3600, halt: Int64? = nil)
        throws
        -> RolloutSimulation
    {
        try RolloutSimulation(
            WaveTable(.standard, from: 1_000_000),
            start: 1_000_000,
            parameters: .init(hosts: hosts, failureRate: failureRate, pollInterval: poll, halt: halt)
        )
    }

    @Test(arguments: [nil, 130_000] as [Int64?])
    func everyHostEqualsThatOfAnIndependentComputation(_ halt: Int64?) throws {
        let program = """
            from fractions import Fraction
            from math import ceil, floor
            mask = 2**64 - 1
            def draws(state):
                while True:
                    state = (state + 0x9E3779B97F4A7C15) & mask
                    z = ((state ^ state >> 30) * 0xBF58476D1CE4E5B9) & mask
                    z = ((z ^ z >> 27) * 0x94D049BB133111EB) & mask
                    yield z ^ z >> 31
            plan = [(1, 1), (4, 5), (24, 15), (48, 40), (96, 60), (120, 90), (144, 100)]
            edges = [(floor(Fraction(share * 2048, 100)), hours * 3600)
                     for (hours, _), share in zip(plan, [0] + [s for _, s in plan])] + [(2048, 168 * 3600)]
            for host in range(3000):
                random = draws(host)
                seed, phase, luck = next(random) % 2048, next(random) % 7200, (next(random) >> 11) / 2**53
                (a, s), (b, e) = next(pair for pair in zip(edges, edges[1:]) if pair[0][0] <= seed < pair[1][0])
                opens = floor(s + Fraction((e - s) * (seed - a), b - a))
                time = phase + max(0, ceil(Fraction(opens - phase, 7200))) * 7200
                if time < \(halt.map(String.init) ?? "10**12"):
                    print(time, int(luck < 0.1))
            """
        let (status, output) = try runTool("python3", "-c", program)
        #expect(status == 0, "\(output)")
        let expected = output.split(separator: "\n").map(String.init).sorted()
        let simulation = try simulate(3000, failureRate: 0.1, poll: 7200, halt: halt)
        #expect(simulation.events.map { "\($0.time) \($0.fails ? 1 : 0)" }.sorted() == expected)
        #expect(simulation.table.last?.taken == expected.count)
        #expect(simulation.table.last?.failed == expected.filter { $0.hasSuffix(" 1") }.count)
    }

    @Test func theTableFollowsTheSchedule() throws {
        let hosts = 20_480
        let simulation = try simulate(hosts, poll: 60)
        let shares = simulation.table.filter { simulation.marks.contains($0.time) }
            .map { Double($0.taken) / Double(hosts) }
        for (share, planned) in zip(shares, [0, 0.01, 0.05, 0.15, 0.4, 0.6, 0.9, 1]) {
            #expect(abs(share - planned) < 0.02)
        }
        #expect(shares.count == 8)
    }

    @Test func theReportShowsTableAndPlot() throws {
        let simulation = try simulate(1000, failureRate: 0.02, halt: 108_000)
        let text = simulation.text()
        #expect(text.contains { $0.contains("1 d 06:00") && $0.contains("withdrawn") })
        let spared = 1000 - simulation.events.count
        #expect(text.last == "withdrawing it spares \(spared) hosts")
        #expect(text.filter { $0.contains("|") }.count == 12)
        let folder = try TemporaryDirectory()
        let file = folder.file("plot.svg")
        try simulation.svg().write(toFile: file, atomically: true, encoding: .utf8)
        let check =
            "import sys, xml.etree.ElementTree as e; "
            + "print(len(e.parse(sys.argv[1]).getroot().findall('{http://www.w3.org/2000/svg}polyline')))"
        let (status, output) = try runTool("python3", "-c", check, file)
        #expect(status == 0 && output == "2\n", "\(output)")
    }

    @Test func anOpenReleaseIsTakenAtTheFirstLook() throws {
        let simulation = try RolloutSimulation(
            .open,
            start: 0,
            parameters: .init(hosts: 100, pollInterval: 600)
        )
        #expect(simulation.events.count == 100)
        #expect(simulation.events.allSatisfy { (0..<600).contains($0.time) })
        #expect(!simulation.text().isEmpty)
    }

    @Test func impossibleParametersAreRefused() {
        #expect(throws: RepositoryError.self) { try simulate(0) }
        #expect(throws: RepositoryError.self) { try simulate(10_000_001) }
        #expect(throws: RepositoryError.self) { try simulate(1, failureRate: 1.5) }
        #expect(throws: RepositoryError.self) { try simulate(1, failureRate: .nan) }
        #expect(throws: RepositoryError.self) { try simulate(1, poll: 0) }
    }
}
