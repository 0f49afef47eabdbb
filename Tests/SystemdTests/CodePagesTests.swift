import Testing

@testable import Systemd

@Suite struct CodePagesTests {
    @Test func onlyCodeOfFilesIsGivenBack() {
        let code = "7f10-7f30 r-xp 00001000 fe:00 123   /usr/lib/lib with blank.so"
        #expect(CodePages.executableFile(Substring(code)) == 0x7f10..<0x7f30)
        let others = [
            "7f10-7f30 r--p 00001000 fe:00 123 /usr/lib/x.so",
            "7f10-7f30 rw-p 00001000 fe:00 123 /usr/lib/x.so",
            "7f10-7f30 r-xp 00000000 00:00 0 [vdso]", "7f10-7f30 r-xp 00000000 00:00 0", "",
            "x r-xp 0 0 0 /x",
            "7f30-7f10 r-xp 00001000 fe:00 123 /usr/lib/x.so",
        ]
        for line in others { #expect(CodePages.executableFile(Substring(line)) == nil, "\(line)") }
    }

    @Test func theProgramGoesOnAfterwards() {
        CodePages.release()
        #expect([3, 1, 2].sorted() == [1, 2, 3])
    }
}
