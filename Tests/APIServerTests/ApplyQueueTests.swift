import HostAPI
import Dispatch
import Features
import Foundation
import Logging
import SettingsApply
import SettingsModel
import Synchronization
import TestSupport
import Testing

@testable import APIServer

/// Runs of applying settings, one after the other.
@Suite struct ApplyQueueTests {
    /// Holds every restart until it is opened.
    private final class Gate: ServiceRestarter {
        private let state = Mutex((isOpen: false, waiting: [CheckedContinuation<Void, Never>]()))

        func perform(_ restart: Feature.Restart) async -> (ApplyResult.Outcome, String?) {
            await withCheckedContinuation { continuation in
                let isOpen = state.withLock { state in
                    if !state.isOpen { state.waiting.append(continuation) }
                    return state.isOpen
                }
                if isOpen { continuation.resume() }
            }
            return (.done, nil)
        }

        var isReached: Bool { state.withLock { !$0.waiting.isEmpty } }

        func open() {
            let waiting = state.withLock { state in
                state.isOpen = true
                defer { state.waiting = [] }
                return state.waiting
            }
            for continuation in waiting { continuation.resume() }
        }
    }

    @Test func manyClientsShareRuns() async throws {
        let folder = try TemporaryDirectory()
        try """
        description = "A service without files."
        [defaults]
        [services.plain]
        settings = ["motd"]
        files = []
        restart = ["try-restart plain.service"]
        """.write(toFile: folder.file("plain.toml"), atomically: false, encoding: .utf8)
        let gate = Gate()
        let runs = Mutex(0)
        let queue = ApplyQueue(
            applier: Applier(
                features: try FeatureSet.load(directory: folder.path),
                templates: folder.path,
                root: folder.file("run"),
                services: gate
            ),
            failures: ApplyFailures(
                path: folder.file("failures.json"),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            ),
            now: { 0 },
            settings: {
                runs.withLock { $0 += 1 }
                return SettingsDocument()
            }
        )
        let key = try SettingKey(parsing: "motd")
        let first = Task { await queue.apply([key]) }
        while !gate.isReached { try await Task.sleep(for: .milliseconds(5)) }
        let others = (0..<100).map { index in Task { await queue.apply(index == 99 ? nil : [key]) } }
        while await queue.asked < 101 { try await Task.sleep(for: .milliseconds(5)) }
        gate.open()
        #expect(await first.value.succeeded)
        for task in others {
            // Each is told of a run that began after it asked.
            #expect(await task.value.services.map(\.outcome) == [.done])
        }
        #expect(runs.withLock { $0 } == 1 + ApplyQueue.maximumWaiting)
        #expect(await queue.asked == 0)
    }
}
