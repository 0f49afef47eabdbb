import HostAPI
import Testing

@testable import Updater

@Suite("Why a command of the updater is not done")
struct UpdaterErrorTests {
    @Test("The exit statuses are Bottlerocket's")
    func exitStatuses() {
        #expect(UpdaterError.busy(.prepare).exitStatus == 64)
        #expect(UpdaterError.notAllowed(.activate, state: .idle).exitStatus == 65)
        #expect(UpdaterError.notOffered(version: "1.2.3").exitStatus == 66)
        #expect(UpdaterError.nothingStaged.exitStatus == 67)
        #expect(UpdaterError.cancelled.exitStatus == 1)
    }
}
