import ELF
import Foundation
import TestSupport
import Testing

/// What `readelf` says of real files, and what we say.
@Suite struct GoldenTests {
    private func read(_ path: String) throws -> ELFFile {
        try ELFFile([UInt8](Data(contentsOf: URL(filePath: path))))
    }

    /// The machine's own library folders, whatever its architecture.
    private func libraries() throws -> [String] {
        let manager = FileManager.default
        let folders = try manager.contentsOfDirectory(atPath: "/usr/lib").filter {
            $0.hasSuffix("-linux-gnu")
        }
        return try folders.flatMap { folder in
            try manager.contentsOfDirectory(atPath: "/usr/lib/\(folder)").sorted()
                .filter { $0.contains(".so.") }.map { "/usr/lib/\(folder)/\($0)" }
        }
    }

    private func values(_ tag: String, in dump: Substring) -> [String] {
        dump.split(separator: "\n").filter { $0.contains("(\(tag))") }.compactMap { line in
            line.split(separator: "[").last?.split(separator: "]").first.map(String.init)
        }
    }

    @Test func dynamicSectionsAreThoseOfReadelf() throws {
        let paths = try ["/bin/ls", "/bin/sh"] + libraries().prefix(60)
        var compared = 0
        for path in paths {
            let dump = try runTool("readelf", "-W", "-d", path).output[...]
            guard dump.contains("Dynamic section at") else { continue }
            let file = try read(path)
            #expect(file.needed == values("NEEDED", in: dump), "\(path)")
            #expect(file.soname == values("SONAME", in: dump).first, "\(path)")
            #expect(file.rpath.joined(separator: ":") == values("RPATH", in: dump).first ?? "", "\(path)")
            #expect(file.runpath.joined(separator: ":") == values("RUNPATH", in: dump).first ?? "", "\(path)")
            #expect(file.isDynamic)
            compared += 1
        }
        #expect(compared > 10)
    }

    @Test func interpreterAndMachineAreThoseOfReadelf() throws {
        let dump = try runTool("readelf", "-W", "-h", "-l", "/bin/ls").output
        let file = try read("/bin/ls")
        let interpreter = try #require(file.interpreter)
        #expect(dump.contains("[Requesting program interpreter: \(interpreter)]"))
        #expect(file.kind == .shared)
        switch file.machine {
        case .amd64: #expect(dump.contains("X86-64"))
        case .arm64: #expect(dump.contains("AArch64"))
        case .other: Issue.record("unexpected machine \(file.machine)")
        }
        #expect(try read(libraries()[0]).interpreter == nil)
    }

    /// A library with notes, made by the GNU assembler and linker.
    @Test func linkedNotesAndPathsAreRead() throws {
        let directory = try TemporaryDirectory()
        let first =
            #"[{"feature":"bpf","description":"a \"b\"\u00fc","priority":"suggested","soname":["libbpf.so.1","libbpf.so.0"]}]"#
        let second = #"[{"soname":["libx.so.1"]},{"soname":["liby.so.2"],"priority":"required"}]"#
        let note = { (text: String) in
            ".balign 4\n.long 4\n.long 2f-1f\n.long 0x407c0c0a\n.asciz \"FDO\"\n"
                + "1: .asciz \"\(text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\""))\"\n2:\n"
        }
        let other = ".balign 4\n.long 4\n.long 3\n.long 1\n.asciz \"GNU\"\n.byte 1,2,3\n"
        let source = ".section .note.dlopen,\"a\",@note\n" + note(first) + other + note(second)
        try source.write(toFile: directory.file("note.s"), atomically: true, encoding: .utf8)
        let assembled = try runTool("as", directory.file("note.s"), "-o", directory.file("note.o"))
        #expect(assembled.status == 0, "\(assembled.output)")
        let linked = try runTool(
            "ld",
            "-shared",
            "-soname",
            "libnote.so.7",
            "-rpath",
            "$ORIGIN/../lib:/opt/lib",
            "--enable-new-dtags",
            "-o",
            directory.file("libnote.so"),
            directory.file("note.o")
        )
        #expect(linked.status == 0, "\(linked.output)")
        let file = try read(directory.file("libnote.so"))
        #expect(file.soname == "libnote.so.7")
        #expect(file.runpath == ["$ORIGIN/../lib", "/opt/lib"])
        #expect(file.rpath == [])
        #expect(
            file.dlopen == [
                DlopenNote(sonames: ["libbpf.so.1", "libbpf.so.0"], priority: .suggested, feature: "bpf"),
                DlopenNote(sonames: ["libx.so.1"], priority: .recommended),
                DlopenNote(sonames: ["liby.so.2"], priority: .required),
            ]
        )
        let object = try read(directory.file("note.o"))
        #expect(object.kind == .relocatable)
        #expect(!object.isDynamic)
        #expect(object.needed == [])
    }
}
