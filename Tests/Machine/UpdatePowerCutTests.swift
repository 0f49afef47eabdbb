import Foundation
import ReleaseManifest
import TestSupport
import Testing
import VirtualMachine

/// The power goes at any moment of an update, from its first byte to the end of the first boot of the new version: the
/// machine always boots, and the next attempt ends updated.
///
/// `BULKHEAD_UPDATE_KILLS` says how often. `make soak` sets it; in `make test` the story of UpdateTests has one such cut.
@Suite(
    "Updates without power",
    .serialized,
    .ownThreads,
    .enabled(if: BuiltImage.isExpected, BuiltImage.skipComment)
)
struct UpdatePowerCutTests {
    private static let kills =
        ProcessInfo.processInfo.environment["BULKHEAD_UPDATE_KILLS"].flatMap(Int.init) ?? 0

    private static func ask(_ name: String, _ arguments: String) -> Probe.Section {
        Probe.Section(name: name, command: "/usr/bin/apiclient \(arguments)")
    }

    private static let update = [
        Probe.Section(name: "state", command: "/usr/bin/systemctl is-system-running"),
        ask("os", "get os"),
        ask("motd", "get settings.motd"),
        ask("apply", "update apply --check --reboot"),
    ]

    /// How a boot ended.
    private enum End {
        /// The power was cut while this version ran, or nobody knows which.
        case cut
        /// The guest restarted by itself.
        case reset
        /// It had nothing to update to and was switched off; what it reported.
        case upToDate(Report)
    }

    @Test(.enabled(if: kills > 0, "BULKHEAD_UPDATE_KILLS is not set; 'make soak' sets it"))
    func anUpdateSurvivesEveryCut() async throws {
        let releases = try await UpdateReleases()
        try await releases.publish(.good)
        let image = releases.image
        let first = try Guest(disk: image.disk, of: image, sections: [], userData: releases.userData)
        _ = try await first.bootAndPowerOff()

        var random = SystemRandomNumberGenerator()
        // About as long as an update and the boot of a new version take on an emulated machine.
        let (update, boot) = (Duration.seconds(45), Duration.seconds(90))
        var cuts = 0
        while cuts < Self.kills {
            let guest = try first.copy()
            var onTrial = false
            // Each boot of a version on trial that is cut costs a try; the last is left to it.
            var trialCuts = 0
            var isUpdated = false
            while !isUpdated {
                // Without an end the update would never be seen to succeed.
                let wantsCut =
                    cuts < Self.kills && trialCuts < 2
                    && (cuts == 0 || Int.random(in: 0..<4, using: &random) > 0)
                let limit = onTrial ? boot : update
                let cut: Duration? =
                    wantsCut
                    ? .milliseconds(Int.random(in: 0...limit.milliseconds, using: &random)) : nil
                let end = try await Self.boot(guest, cut: cut, fromTheStart: onTrial)
                switch end {
                case .cut:
                    cuts += 1
                    if onTrial { trialCuts += 1 }
                    print(
                        "cut \(cuts): \(cut ?? .zero) after the start of \(onTrial ? "a trial" : "the update")"
                    )
                case .reset:
                    onTrial = true
                case .upToDate(let report):
                    #expect(try report.text("state") == "running")
                    #expect(try report.text("os").contains(releases.version(.good)))
                    #expect(try report.text("motd").contains("kept over all updates"))
                    isUpdated = true
                }
            }
            let names = Set(try guest.flattenedDisk().espNames("EFI/Linux"))
            #expect(names.contains("\(releases.entry(.good)).efi") && !names.contains { $0.contains("+") })
        }
    }

    /// Boots, lets it update, and cuts the power if it is to be cut.
    ///
    /// - Parameters:
    ///   - cut: how long after the start of the update; nil lets it go on.
    ///   - fromTheStart: whether that is counted from the start of the boot instead.
    private static func boot(_ guest: Guest, cut: Duration?, fromTheStart: Bool) async throws -> End {
        try await guest.boot(sections: update) { machine in
            let start = ContinuousClock.now
            var begun = fromTheStart ? start : nil
            let cursor = ConsoleCursor()
            while ContinuousClock.now - start < Guest.limit {
                if (try? await machine.waitForExit(within: .milliseconds(50))) != nil { return .reset }
                if let cut, let begun, ContinuousClock.now - begun >= cut {
                    await machine.cutPower()
                    return .cut
                }
                // The probe also comes to its end when the guest is about to restart.
                let line = try? await machine.waitForConsole(
                    containing: begun == nil ? "Id=probe-apply.service" : "No updates available.",
                    within: .milliseconds(50),
                    after: cursor,
                    on: machine.secondSerialPort
                )
                guard line != nil else { continue }
                guard begun != nil else {
                    begun = .now
                    continue
                }
                try await machine.waitForConsole(
                    containing: Probe.end,
                    within: Guest.limit,
                    after: cursor,
                    on: machine.secondSerialPort
                )
                try await machine.pressPowerButton()
                try await machine.waitForExit(within: Guest.limit)
                return .upToDate(try await guest.report(of: machine))
            }
            throw Stuck(console: try guest.consoleText())
        }
    }

    /// A boot that came to no end.
    private struct Stuck: Error {
        let console: String
    }
}

extension Duration {
    fileprivate var milliseconds: Int { Int(components.seconds) * 1000 }
}
