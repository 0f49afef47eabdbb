import Foundation
import HostAPIServer
import TestSupport
import Testing

@Suite struct ListeningSocketTests {
    /// The umask is the whole process's: a server that starts may not change it for whoever makes files meanwhile.
    @Test func manyAtOnceLeaveTheUmaskAlone() async throws {
        await #expect(processExitsWith: .success) {
            umask(0o027)
            let folder = try TemporaryDirectory()
            DispatchQueue.concurrentPerform(iterations: 400) { number in
                let mode: mode_t = number.isMultiple(of: 2) ? 0o600 : 0o666
                let path = folder.file("\(number)")
                do {
                    close(try ListeningSocket.bind(path: path, mode: mode))
                } catch { Issue.record("\(error)") }
                var status = stat()
                #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == mode)
            }
            #expect(umask(0o022) == 0o027)
        }
    }
}
