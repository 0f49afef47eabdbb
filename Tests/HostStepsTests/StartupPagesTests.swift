import Foundation
import TestSupport
import Testing

@testable import HostSteps

@Suite struct StartupPagesTests {
    /// A mapping as proc_pid_smaps(5) shows it.
    private func mapping(_ heading: String, anonymous: Int) -> String {
        """
        \(heading)
        Size:                 20 kB
        Rss:                  20 kB
        Anonymous:       \(anonymous) kB
        VmFlags: rd ex mr mw me

        """
    }

    private func found(_ text: String...) -> [Range<UInt>] { StartupPages.mappings(of: text.joined()) }

    @Test func cleanPagesOfFilesAreFound() {
        let code = mapping(
            "1000-3000 r-xp 00002000 fe:00 253911                     /usr/lib/a b.so",
            anonymous: 0
        )
        let data = mapping("7f0000004000-7f0000005000 r--p 00000000 fe:00 1 /usr/lib/c.so", anonymous: 0)
        #expect(found(code, data) == [0x1000..<0x3000, 0x7f00_0000_4000..<0x7f00_0000_5000])
    }

    /// Taking any of these would lose what the process has written, or shares.
    @Test(arguments: [
        "1000-3000 rw-p 00002000 fe:00 1 /usr/lib/a.so", "1000-3000 r--s 00002000 fe:00 1 /usr/lib/a.so",
        "1000-3000 ---p 00002000 fe:00 1 /usr/lib/a.so", "1000-3000 r-xp 00000000 00:00 0 [vdso]",
        "1000-3000 r--p 00000000 00:00 0", "3000-1000 r-xp 00002000 fe:00 1 /usr/lib/a.so",
        "0-1000 r-xp 00002000 fe:00 1 /usr/lib/a.so", "1000-3000-5000 r-xp 00002000 fe:00 1 /a",
        "1000-fffffffffffffffff r-xp 00002000 fe:00 1 /usr/lib/a.so", "x-y r-xp 00002000 fe:00 1 /a", "-", "",
    ])
    func othersAreNot(_ heading: String) {
        #expect(found(mapping(heading, anonymous: 0)) == [])
    }

    /// Relocated data that is read-only since.
    @Test func pagesThatWereWrittenToStay() {
        #expect(found(mapping("1000-3000 r--p 00002000 fe:00 1 /usr/lib/a.so", anonymous: 4)) == [])
        #expect(found("1000-3000 r-xp 00002000 fe:00 1 /a\nSize: 4 kB\n", mapping("", anonymous: 0)) != [])
        #expect(found("1000-3000 r-xp 00002000 fe:00 1 /a\nSize: 4 kB\n") == [])
    }
}
