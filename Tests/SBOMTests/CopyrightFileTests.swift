import Testing

@testable import SBOM

@Suite("Copyright files")
struct CopyrightFileTests {
    private func read(_ text: String) -> CopyrightFile? {
        let head = "Format: http://www.debian.org/doc/packaging-manuals/copyright-format/1.0\n\n"
        return CopyrightFile(Array((head + text).utf8), package: "p")
    }

    @Test(
        "Short names and their SPDX identifiers",
        arguments: [
            ("GPL-2", "GPL-2.0-only"), ("GPL-2+", "GPL-2.0-or-later"), ("gpl-3.0+", "GPL-3.0-or-later"),
            ("GPL-1+", "GPL-1.0-or-later"), ("GPL-2.0-only", "GPL-2.0-only"), ("LGPL-2", "LGPL-2.0-only"),
            ("LGPL-2.1+", "LGPL-2.1-or-later"), ("AGPL-3+", "AGPL-3.0-or-later"),
            ("GFDL-NIV-1.3+", "GFDL-1.3-no-invariants-or-later"), ("Expat", "MIT"),
            ("BSD-3-clause", "BSD-3-Clause"),
            ("Apache-2", "Apache-2.0"), ("ISC", "ISC"), ("zlib", "Zlib"), ("CC0", "CC0-1.0"),
            ("MPL-2.0", "MPL-2.0"),
        ]
    )
    func names(_ name: String, _ identifier: String) {
        #expect(LicenseNames.identifier(of: name) == identifier)
    }

    @Test(
        "Names that stand for several texts are not guessed",
        arguments: [
            "MIT", "BSD", "Artistic", "public-domain", "GPL", "GPL+", "GPL-4", "GPL-2.1", "LGPL-2.2", "", "-",
            "other",
        ]
    )
    func unknownNames(_ name: String) {
        #expect(LicenseNames.identifier(of: name) == nil)
    }

    @Test(
        "Expressions",
        arguments: [
            ("GPL-2+", "GPL-2.0-or-later"),
            ("GPL-2+ and Expat", "GPL-2.0-or-later AND MIT"),
            ("Expat or GPL-2+", "(GPL-2.0-or-later OR MIT)"),
            ("Expat or ISC and Zlib", "(ISC AND Zlib OR MIT)"),
            ("Expat or ISC, and Zlib", "(ISC OR MIT) AND Zlib"),
            ("Expat, or ISC and Zlib", "(MIT OR ISC AND Zlib)"),
            ("Expat and Expat", "MIT"),
            ("GPL-2+ with OpenSSL exception", "<GPL-2+ with OpenSSL exception>"),
            ("Expat and", "<Expat and>"), ("and", "<and>"), ("Expat, ISC", "<Expat, ISC>"),
            ("Expat,", "<Expat,>"),
            ("Expat | ISC", "<Expat | ISC>"), ("(Expat)", "<(Expat)>"), ("Expat, and", "<Expat, and>"),
        ]
    )
    func expressions(_ synopsis: String, _ expected: String) {
        let result = LicenseExpression.spdx(of: synopsis) { LicenseNames.identifier(of: $0) ?? "<\($0)>" }
        #expect(result == expected)
    }

    @Test("All files count, stand-alone paragraphs give the texts")
    func file() throws {
        let file = try #require(
            read(
                """
                Files: *
                Copyright: 2000 X
                License: GPL-2+

                # a comment
                Files: y
                License: custom

                License: custom
                 The text.

                License: GPL-2+
                 On Debian systems ...
                """
            )
        )
        #expect(file.extracted.map(\.name) == ["custom"])
        #expect(file.extracted.first?.text == "The text.")
        #expect(file.expression == "GPL-2.0-or-later AND \(file.extracted[0].identifier)")
    }

    @Test("A licence without a text says so, and one in the header counts only without files")
    func corners() throws {
        let textless = try #require(read("Files: *\nLicense: custom\n"))
        #expect(textless.extracted.first?.text.contains("without its text") == true)
        let header = "Format: https://x/copyright-format/1.0/\nLicense: ISC\n"
        #expect(CopyrightFile(Array(header.utf8), package: "p")?.expression == "ISC")
        let both = header + "\nFiles: *\nLicense: Expat\n"
        #expect(CopyrightFile(Array(both.utf8), package: "p")?.expression == "MIT")
        #expect(read("Files: *\n")?.expression == nil)
    }

    @Test("Other texts are no machine-readable copyright files")
    func others() {
        #expect(CopyrightFile([], package: "p") == nil)
        #expect(CopyrightFile(Array("This package was debianized by".utf8), package: "p") == nil)
        #expect(CopyrightFile(Array("Format: none\n\nFiles: *\nLicense: ISC\n".utf8), package: "p") == nil)
        #expect(CopyrightFile([UInt8](repeating: 0xFF, count: 1000), package: "p") == nil)
        #expect(
            CopyrightFile([UInt8](repeating: 0x20, count: CopyrightFile.sizeLimit + 1), package: "p") == nil
        )
    }

    @Test(
        "Suppliers and pages",
        arguments: [
            ("Debian X Team <x@y.z>", "Organization: Debian X Team (x@y.z)"),
            ("A B <a@b>", "Person: A B (a@b)"),
            ("A \"Q\" (B) <a@b>", "Person: A Q B (a@b)"), ("A", "Person: A"), ("A <b c@d>", "Person: A"),
            ("<a@b>", nil),
            ("", nil), ("A\n<a@(b)>", "Person: A"),
        ] as [(String, String?)]
    )
    func suppliers(_ maintainer: String, _ expected: String?) {
        #expect(Agent.supplier(maintainer) == expected)
    }

    @Test("Only addresses of pages are pages")
    func pages() {
        for good in ["https://a.b/", "http://a.b", "ftp://a.b/c?d=e#f", "https://a.b:8080/x"] {
            #expect(Agent.homepage(good) == good)
        }
        for bad in [
            "", "a.b", "https://", "https://a b.c/", "javascript:x", "https://é.x/", "https://a.b/<c>",
        ] {
            #expect(Agent.homepage(bad) == nil)
        }
    }
}
