import Testing

@testable import Debian

struct AptArchivesTests {
    @Test func theHostsArchivesAreTakenFromItsIndexTargets() throws {
        let text = """
            |https://other.example/apt/|stable
            Vendor|https://vendor.example/debian/|bookworm
            Debian|https://backports.example/debian/|bookworm-backports
            Debian|https://mirror.example/debian/|bookworm
            Debian|https://mirror.example/debian/|bookworm-updates
            Debian|tor+http://security.example/debian-security/|bookworm-security
            """
        let archives = try #require(try AptArchives.parse(indexTargets: text))
        #expect(archives.main == "https://mirror.example/debian")
        #expect(archives.security == "tor+http://security.example/debian-security")
        #expect(archives.trust == .debian)
    }

    @Test func aMissingSecurityArchiveIsTheSibling() throws {
        let one = try AptArchives.parse(indexTargets: "Debian|http://m.example/debian/|trixie")
        #expect(one?.security == "http://m.example/debian-security")
        let list = try AptArchives.parse(
            indexTargets: "Debian|mirror+file:/etc/apt/mirrors/debian.list/|trixie"
        )
        #expect(list?.security == "mirror+file:/etc/apt/mirrors/debian-security.list")
        #expect(
            try AptArchives(mirror: "https://m.example/d/", security: "file:/srv/s/").security
                == "file:/srv/s"
        )
    }

    @Test func withoutIndexesTheSuitesTell() throws {
        let text = """
            Reading package lists...
            'https://vendor.example/apt/dists/bookworm/InRelease' vendor 0 
            'https://m.example/linux/debian-mirror/dists/bookworm/InRelease' a 0 
            'https://m.example/linux/debian-mirror/dists/bookworm-updates/InRelease' b 0 
            'https://s.example/sec/dists/bookworm-security/InRelease' c 0 
            'https://m.example/linux/debian-mirror/dists/bookworm/main/binary-amd64/Packages.xz' d 0 
            """
        let archives = try AptArchives.parse(updateAddresses: text)
        #expect(archives?.main == "https://m.example/linux/debian-mirror")
        #expect(archives?.security == "https://s.example/sec")
    }

    @Test func noArchiveAtAllIsNoted() throws {
        #expect(try AptArchives.parse(indexTargets: "") == nil)
        #expect(try AptArchives.parse(indexTargets: "Ubuntu|http://u.example/|noble\nDebian|x") == nil)
        #expect(
            try AptArchives.parse(updateAddresses: "'http://v.example/apt/dists/bookworm/InRelease' x 0")
                == nil
        )
        #expect(throws: AptError.self) {
            try AptArchives.parse(indexTargets: "Debian|http://s.example/debian-security/|trixie-security")
        }
    }

    @Test(arguments: [
        "", "mirror.example/debian", "http://a b", "http:", "http://x'y", ":x", "ht/tp://x", "http:///",
    ])
    func addressesThatAreNoneAreRefused(text: String) {
        let error = #expect(throws: AptError.self) { try AptArchives(mirror: text) }
        guard case .invalidMirror = error else {
            Issue.record("another error: \(String(describing: error))")
            return
        }
    }

    @Test func addressesFindTheirArchive() throws {
        let archives = try AptArchives(
            mirror: "http://m.example/debian",
            security: "http://m.example/debian/sec"
        )
        let main = archives.locate("http://m.example/debian/pool/main/a/b_1%7erc%2b1_all.deb")
        #expect(main?.archive == .debian && main?.path == "pool/main/a/b_1~rc+1_all.deb")
        #expect(archives.locate("http://m.example/debian/sec/pool/x.deb")?.archive == .debianSecurity)
        #expect(archives.locate("http://m.example/debian-other/pool/x.deb") == nil)
        #expect(AptArchives.percentEncoded("pool/a_1:2~3+b%.deb") == "pool/a_1%3a2%7e3%2bb%25.deb")
        #expect(AptArchives.withoutPassword("https://user:secret@m.example/x@y") == "https://m.example/x@y")
        #expect(AptArchives.withoutPassword("file:/srv/a@b") == "file:/srv/a@b")
    }

    @Test func mirrorListsGiveTheirPreferredMirror() {
        #expect(MirrorList.listAddress("mirror+file:/etc/apt/m.list") == "file:/etc/apt/m.list")
        #expect(MirrorList.listAddress("mirror://m.example/list") == "http://m.example/list")
        #expect(MirrorList.listAddress("https://m.example") == nil)
        #expect(MirrorList.preferred("# none\n\nhttp://a.example\n") == "http://a.example")
        #expect(
            MirrorList.preferred("http://a.example\tpriority:2 type:deb\nhttp://b.example\tpriority:1\n")
                == "http://b.example"
        )
        #expect(MirrorList.preferred("#x\n") == nil)
    }

    @Test func suitesAreCheckedNames() throws {
        for bad in ["", "a b", "a\nTrusted: yes", "../x", "-x", "a/b", "\u{11}"] {
            #expect(throws: AptError.self) { try AptSuites(suites: [bad]) }
            #expect(throws: AptError.self) { try AptSuites(suites: ["trixie"], components: [bad]) }
        }
        #expect(throws: AptError.self) { try AptSuites(suites: []) }
    }
}
