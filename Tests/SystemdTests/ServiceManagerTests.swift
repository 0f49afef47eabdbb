import Glibc
import Systemd
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
}
