import BootEntries
import Testing

@Suite struct BootEntryNameTests {
    @Test(arguments: [
        ("vm_1.2.efi", "vm_1.2", nil),
        ("vm_1.2+3.efi", "vm_1.2", BootCounter(left: 3)),
        ("vm_1.2+2-1.efi", "vm_1.2", BootCounter(left: 2, done: 1)),
        ("vm_1.2+0-3.efi", "vm_1.2", BootCounter(left: 0, done: 3)),
        ("vm_1.2+0.efi", "vm_1.2", BootCounter(left: 0)),
        ("vm_1.2+003-000.efi", "vm_1.2", BootCounter(left: 3)),
        ("a+1+2.efi", "a+1", BootCounter(left: 2)),
        ("+1.efi", "", BootCounter(left: 1)),
        ("x+2147483647-2147483647.efi", "x", BootCounter(left: 2_147_483_647, done: 2_147_483_647)),
        // What is no counter belongs to the name.
        ("x+2147483648.efi", "x+2147483648", nil),
        ("x+99999999999999999999999.efi", "x+99999999999999999999999", nil),
        ("x+1-.efi", "x+1-", nil),
        ("x+-1.efi", "x+-1", nil),
        ("x+.efi", "x+", nil),
        ("x+1-2-3.efi", "x+1-2-3", nil),
        ("x+1a.efi", "x+1a", nil),
        ("x+1.2.efi", "x+1.2", nil),
        ("x+1.efi.efi", "x+1.efi", nil),
        ("x+ 1.efi", "x+ 1", nil),
        ("x+1~rc.efi", "x+1~rc", nil),
        ("x+١.efi", "x+١", nil),
        // systemd-boot lists these but looks for counters before the lower-case suffix only.
        ("X+3.EFI", "X+3", nil),
        ("VM_1~1.EFI", "VM_1~1", nil),
    ])
    func namesAreReadAsBySystemdBoot(_ file: String, _ name: String, _ counter: BootCounter?) throws {
        let parsed = try #require(BootEntryName(fileName: file))
        #expect(parsed.name == name)
        #expect(parsed.counter == counter)
        #expect(parsed.fileName == file)
    }

    @Test(arguments: [
        "", ".efi", "efi", "x", "x.conf", "x.efi.bak", ".x.efi", "auto-x.efi", "AUTO-x.efi", "x.ef", "x+3",
    ])
    func otherFilesAreNotEntries(_ file: String) {
        #expect(BootEntryName(fileName: file) == nil)
    }

    @Test func statesFollowTheTries() throws {
        var file = try BootEntryName(variant: "vm-containerd", version: "1.2.3", tries: 3).fileName
        var seen: [String] = []
        var states: [BootEntryState] = []
        for _ in 0..<5 {
            let name = try #require(BootEntryName(fileName: file))
            seen.append(file)
            states.append(name.state)
            #expect(name.committedFileName == "vm-containerd_1.2.3.efi")
            file = name.fileNameAfterTry
        }
        #expect(seen.map { $0.dropFirst(19).dropLast(4) } == ["+3", "+2-1", "+1-2", "+0-3", "+0-4"])
        #expect(
            states == [
                .indeterminate(left: 3, done: 0), .indeterminate(left: 2, done: 1),
                .indeterminate(left: 1, done: 2),
                .bad(done: 3), .bad(done: 4),
            ]
        )
        let good = try BootEntryName(variant: "vm", version: "1")
        #expect(good.state == .good)
        #expect(good.fileNameAfterTry == "vm_1.efi")
    }

    @Test func variantAndVersionAreTheParts() throws {
        let parts = try #require(
            BootEntryName(variant: "metal_x-1", version: "2.0~rc1", tries: 1).variantAndVersion
        )
        #expect(parts == ("metal_x-1", "2.0~rc1"))
        for file in ["x.efi", "_1.efi", "x_.efi"] {
            #expect(BootEntryName(fileName: file)?.variantAndVersion == nil)
        }
        #expect(BootEntryName(fileName: "VM_1+2.efi")?.identifier == "vm_1.efi")
    }

    @Test func namesThatWouldNotReadBackAreRefused() {
        #expect(throws: BootEntryError.badPart("")) { try BootEntryName(variant: "", version: "1") }
        #expect(throws: BootEntryError.badPart("")) { try BootEntryName(variant: "x", version: "") }
        #expect(throws: BootEntryError.badPart("1_2")) { try BootEntryName(variant: "x", version: "1_2") }
        #expect(throws: BootEntryError.badTries(0)) {
            try BootEntryName(variant: "x", version: "1", tries: 0)
        }
        #expect(throws: BootEntryError.badTries(.max)) {
            try BootEntryName(variant: "x", version: "1", tries: .max)
        }
        for variant in [
            "a/b", "a\\b", ".x", "auto-x", "a+1", "ä", "a b", "a:b", "a\0",
            String(repeating: "a", count: 228),
        ] {
            #expect(throws: BootEntryError.badName("\(variant)_1")) {
                try BootEntryName(variant: variant, version: "1")
            }
        }
    }

    @Test func countersDoNotOverflow() {
        let most = BootCounter(left: .max, done: .max)
        #expect(most == BootCounter(left: BootCounter.maximum, done: BootCounter.maximum))
        #expect(most.afterTry.done == BootCounter.maximum)
        #expect(BootCounter(left: .min).afterTry == BootCounter(left: 0, done: 1))
    }
}

@Suite struct MenuOrderTests {
    private func entry(_ file: String, _ sortKey: String? = "vm", _ version: String? = nil) throws
        -> BootEntry
    {
        let name = try #require(BootEntryName(fileName: file))
        return BootEntry(name: name, sortKey: sortKey, version: version ?? name.variantAndVersion?.version)
    }

    private func order(_ entries: [BootEntry]) -> [String] {
        BootEntry.menuOrder(entries).map(\.name.fileName)
    }

    @Test func aNewVersionOnTrialIsBootedUntilItHasFailed() throws {
        let good = try entry("vm_1.9.efi")
        #expect(try order([good, entry("vm_1.10+3.efi")]) == ["vm_1.10+3.efi", "vm_1.9.efi"])
        #expect(try order([good, entry("vm_1.10+1-2.efi")]) == ["vm_1.10+1-2.efi", "vm_1.9.efi"])
        #expect(try order([entry("vm_1.10+0-3.efi"), good]) == ["vm_1.9.efi", "vm_1.10+0-3.efi"])
        #expect(try order([entry("vm_1.8+3.efi"), good]) == ["vm_1.9.efi", "vm_1.8+3.efi"])
    }

    @Test func sortKeysComeBeforeVersionsAndNamesLast() throws {
        let entries = [
            try entry("z.efi", nil, "9"), try entry("b_3.efi", "b"), try entry("a_1.efi", "a"),
            try entry("a_2.efi", "a"),
            try entry("c+0-1.efi", "a", "9"), try entry("y_2.efi", nil, "1"),
        ]
        let expected = ["a_2.efi", "a_1.efi", "b_3.efi", "z.efi", "y_2.efi", "c+0-1.efi"]
        #expect(order(entries) == expected)
        #expect(order(entries.reversed()) == expected)
    }

    @Test func entriesOfOneVersionAreOrderedByTries() throws {
        let entries = try ["vm_1+1-2.efi", "vm_1.efi", "vm_1+2-1.efi", "vm_1+2-5.efi", "vm_1+0-9.efi"].map {
            try entry($0)
        }
        let expected = ["vm_1+2-1.efi", "vm_1+2-5.efi", "vm_1+1-2.efi", "vm_1.efi", "vm_1+0-9.efi"]
        #expect(order(entries) == expected)
        #expect(order(entries.reversed()) == expected)
    }
}
