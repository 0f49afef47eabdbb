import HostAPI
import Features
import SettingsApply
import TestSupport
import Testing

@Suite struct SystemdRestarterTests {
    @Test func requestsReachSystemdOneAfterTheOther() async throws {
        let bus = try PrivateBus()
        let restarter = SystemdRestarter(address: bus.address)
        async let first = restarter.perform(Feature.Restart(.tryRestart, "good.service"))
        async let second = restarter.perform(Feature.Restart(.reloadOrTryRestart, "broken.service"))
        async let third = restarter.perform(Feature.Restart(.start, "none.service"))
        let results = await [first, second, third]
        #expect(results.map(\.0) == [.done, .failed, .failed])
        #expect(results[0].1 == nil)
        #expect(results[1].1?.contains("journal") == true)
        #expect(results[2].1?.contains("Unit none.service not found.") == true)
        #expect(
            bus.calls.filter { $0.hasSuffix(" replace") }.sorted() == [
                "ReloadOrTryRestartUnit broken.service replace", "StartUnit none.service replace",
                "TryRestartUnit good.service replace",
            ]
        )
    }

    /// What failed is not running, and comes back all the same when its settings are mended.
    @Test func failedServicesComeBack() async throws {
        let bus = try PrivateBus()
        let restarter = SystemdRestarter(address: bus.address)
        #expect(await restarter.perform(Feature.Restart(.tryRestart, "down.service")).0 == .done)
        #expect(
            bus.calls == [
                "ListUnitsFiltered failed", "ResetFailedUnit down.service", "Subscribe",
                "RestartUnit down.service replace",
            ]
        )
    }

    @Test func slowServicesTimeOut() async throws {
        let bus = try PrivateBus()
        let restarter = SystemdRestarter(timeout: .milliseconds(300), address: bus.address)
        #expect(await restarter.perform(Feature.Restart(.restart, "slow.service")).0 == .timedOut)
        #expect(await restarter.perform(Feature.Restart(.reload, "quiet.service")).0 == .timedOut)
    }

    @Test func missingBusIsAFailure() async {
        let restarter = SystemdRestarter(address: "unix:path=/nonexistent/bus")
        let (outcome, error) = await restarter.perform(Feature.Restart(.restart, "a.service"))
        #expect(outcome == .failed)
        #expect(error?.contains("system bus") == true)
    }
}
