import Glibc
import Systemd
import TestSupport
import Testing

@Suite struct ServiceManagerTests {
    /// The build machine may run no systemd; then the error must say which service is missing.
    @Test func answersOrNamesTheMissingBus() {
        do {
            let manager = try ServiceManager()
            _ = try manager.units(inState: "failed")
        } catch SystemdError.connect(let errno) {
            #expect(SystemdError.connect(errno: errno).description.contains("dbus-broker.service"))
        } catch {
            #expect("\(error)".contains("ListUnitsFiltered"))
        }
    }

    @Test func unitsAreListedByName() throws {
        let bus = try PrivateBus()
        let manager = try ServiceManager(address: bus.address)
        #expect(try manager.units(inState: "failed") == ["a.service", "down.service"])
        #expect(bus.calls == ["ListUnitsFiltered failed"])
    }

    @Test func theResultOfAServiceIsRead() throws {
        let bus = try PrivateBus()
        let manager = try ServiceManager(address: bus.address)
        #expect(try manager.result(of: "down.service") == "exit-code")
        #expect(throws: SystemdError.self) { try manager.result(of: "none.service", timeout: .seconds(1)) }
    }

    @Test func unitsAreListedByPatternWithTheirStates() throws {
        let bus = try PrivateBus()
        let manager = try ServiceManager(address: bus.address)
        let states = try manager.states(ofUnits: ["host-container@*.service", "x@*.service"])
        #expect(
            states == [
                ServiceState(unit: "host-container@admin.service", active: "activating", sub: "auto-restart"),
                ServiceState(unit: "host-container@b.service", active: "failed", sub: "failed"),
            ]
        )
        #expect(bus.calls == ["ListUnitsByPatterns  host-container@*.service x@*.service"])
        #expect(try manager.restarts(of: "host-container@admin.service") == 7)
        // The answer is a text: nothing is made of it.
        #expect(throws: SystemdError.self) { try manager.restarts(of: "down.service") }
    }

    @Test func jobsAreWaitedFor() throws {
        let bus = try PrivateBus()
        var manager = try ServiceManager(address: bus.address)
        #expect(try manager.perform(.restart, unit: "good.service") == .done)
        #expect(try manager.perform(.tryRestart, unit: "broken.service") == .failed)
        #expect(try manager.perform(.reload, unit: "needy.service") == .dependency)
        #expect(try manager.perform(.start, unit: "odd.service") == .other("canceled"))
        #expect(try manager.perform(.reloadOrTryRestart, unit: "good.service") == .done)
        #expect(try manager.perform(.stop, unit: "good.service") == .done)
        #expect(
            bus.calls == [
                "Subscribe", "RestartUnit good.service replace", "TryRestartUnit broken.service replace",
                "ReloadUnit needy.service replace", "StartUnit odd.service replace",
                "ReloadOrTryRestartUnit good.service replace", "StopUnit good.service replace",
            ]
        )
    }

    @Test func everyWaitEnds() throws {
        let bus = try PrivateBus()
        var manager = try ServiceManager(address: bus.address)
        // The job begins and never ends; then no answer comes at all.
        #expect(
            try manager.perform(.restart, unit: "slow.service", timeout: .milliseconds(300)) == .unfinished
        )
        #expect(throws: SystemdError.call(method: "RestartUnit", errno: ETIMEDOUT)) {
            try manager.perform(.restart, unit: "quiet.service", timeout: .milliseconds(300))
        }
        #expect(try manager.perform(.restart, unit: "good.service") == .done)
    }

    @Test func unknownUnitsAreRefusedWithSystemdsWords() throws {
        let bus = try PrivateBus()
        var manager = try ServiceManager(address: bus.address)
        #expect(
            throws: SystemdError.refused(
                method: "RestartUnit",
                error: "org.freedesktop.systemd1.NoSuchUnit",
                message: "Unit none.service not found."
            )
        ) {
            try manager.perform(.restart, unit: "none.service")
        }
    }

    @Test func busesThatAreNotThereAreNamed() {
        #expect(throws: SystemdError.connect(errno: ENOENT)) {
            _ = try ServiceManager(address: "unix:path=/nonexistent/bus")
        }
    }

    @Test(arguments: [
        ("yes", ["RebootWithFlags 1"]), ("absent", ["StartUnit reboot.target replace-irreversibly"]),
    ])
    func rebootsAskLogindFirst(login: String, calls: [String]) throws {
        let bus = try PrivateBus(login: login)
        var manager = try ServiceManager(address: bus.address)
        try manager.reboot()
        #expect(bus.calls == calls)
    }

    @Test func inhibitedRebootsAreRefused() throws {
        let bus = try PrivateBus(login: "inhibited")
        var manager = try ServiceManager(address: bus.address)
        do {
            try manager.reboot()
            Issue.record("the reboot went on")
        } catch {
            #expect(error.description.contains("Operation inhibited by 'backup'"))
        }
        #expect(bus.calls == ["RebootWithFlags 1"])
    }
}
