import Foundation
import TestSupport
import Testing
import VirtualMachine

/// Commits that the client saw acknowledged are there after the power went, whenever it went.
@Suite(
    "Settings without power",
    .serialized,
    .ownThreads,
    .enabled(if: BuiltImage.isExpected, BuiltImage.skipComment)
)
struct PowerCutTests {
    /// How many commits a boot is asked for: more than it gets to do.
    private static let commits = 200
    private static let cuts = 2

    private static func motd(_ cut: Int, _ commit: Int) -> String { "cut-\(cut)-commit-\(commit)" }

    /// The commits of one boot, each followed by a line that says that it was acknowledged.
    private static func sections(_ cut: Int) -> [Probe.Section] {
        [Probe.Section(name: "before", command: "/usr/bin/apiclient get settings.motd")]
            + (1...commits).map { commit in
                Probe.Section(
                    name: "commit-\(cut)-\(commit)",
                    command: "/usr/bin/apiclient set motd=\(motd(cut, commit))"
                )
            }
    }

    @Test func acknowledgedCommitsOutliveAPowerCut() async throws {
        let image = try BuiltImage()
        let guest = try Guest(disk: image.disk, of: image)
        var acknowledged = ""
        for cut in 0...Self.cuts {
            // Cut in the middle of the commit after this one.
            let last = 3 + 5 * cut
            let sections = cut == Self.cuts ? [Self.sections(cut)[0]] : Self.sections(cut)
            let before = try await guest.boot(sections: sections) { machine in
                let marker =
                    cut == Self.cuts ? Probe.end : "Id=probe-commit-\(cut)-\(last + 1).service"
                try await machine.waitForConsole(
                    containing: marker,
                    within: Guest.limit,
                    on: machine.secondSerialPort
                )
                var lines: [String] = []
                for try await line in machine.secondSerialPort.lines {
                    lines.append(line)
                    if line.contains(marker) { break }
                }
                return try Report(lines: lines).text("before")
            }
            if !acknowledged.isEmpty {
                let found = try #require(before.firstMatch(of: /cut-(\d+)-commit-(\d+)/), "\(before)")
                let (foundCut, commit) = (try #require(Int(found.1)), try #require(Int(found.2)))
                // Those that came between the last look at the port and the cut may be there too, whole.
                #expect(foundCut == cut - 1 && commit >= 3 + 5 * foundCut, "\(before), after \(acknowledged)")
            }
            acknowledged = Self.motd(cut, last)
        }
    }
}
