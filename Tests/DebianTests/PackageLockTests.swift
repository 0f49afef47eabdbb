import Foundation
import Hashing
import TestSupport
import Testing

@testable import Debian

private func package(
    _ name: String,
    _ version: String = "1.0-1",
    architecture: String = "amd64",
    filename: String? = nil,
    content: String = ""
) throws -> LockedPackage {
    try LockedPackage(
        name: name,
        version: version,
        architecture: architecture,
        archive: .debian,
        filename: filename ?? "pool/main/\(name)_\(version)_\(architecture).deb",
        size: 1234,
        sha256: SHA256Digest(hashing: name + version + content),
        source: name,
        sourceVersion: version,
        section: "non-free-firmware/kernel",
        installedSize: 10
    )
}

private func sampleLock() throws -> PackageLock {
    var lock = PackageLock(suites: ["trixie", "trixie-security"], components: ["main"])
    lock[.target("amd64")] = try PackageList(
        requested: ["zlib1g", "bash", "bash"],
        packages: [
            package("zlib1g", "1:1.3.dfsg+really1.3.1-1+b1"), package("bash"),
            package("base", architecture: "all"),
        ]
    )
    lock[.target("arm64")] = try PackageList(
        requested: ["bash"],
        packages: [package("bash", architecture: "arm64")]
    )
    lock[.tools("amd64")] = try PackageList(requested: [], packages: [])
    return lock
}

private func failure(_ text: String) -> PackageLockError? {
    do throws(PackageLockError) {
        _ = try PackageLock(text: Array(text.utf8), path: "p.lock")
        return nil
    } catch {
        return error
    }
}

struct PackageLockTests {
    @Test func aLockSurvivesItsFile() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("packages.lock")
        let lock = try sampleLock()
        try lock.write(to: path)
        #expect(try PackageLock(file: path) == lock)
        try lock.write(to: path)
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["packages.lock"])
        #expect(
            lock.text.hasPrefix(
                "{\n  \"formatVersion\": 1,\n  \"suites\": [\"trixie\", \"trixie-security\"],\n"
            )
        )
        #expect(lock.text.split(separator: "\n").count { $0.contains("{\"name\"") } == 4)
        // Other programs can read it too.
        let object = try JSONSerialization.jsonObject(with: Data(lock.text.utf8)) as? [String: Any]
        let target = (object?["targets"] as? [String: Any])?["amd64"] as? [String: Any]
        #expect(target?["requested"] as? [String] == ["bash", "zlib1g"])
        #expect(
            (target?["packages"] as? [[String: Any]])?.map { $0["name"] as? String } == [
                "base", "bash", "zlib1g",
            ]
        )
    }

    @Test func aMissingFileSaysHowToMakeOne() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("packages.lock")
        let error = #expect(throws: PackageLockError.self) { try PackageLock(file: path) }
        #expect("\(try #require(error))".contains("bulkhead lock"))
        #expect(throws: PackageLockError.self) { try PackageLock(file: directory.path) }
        #expect(throws: PackageLockError.self) {
            try sampleLock().write(to: directory.file("no/such/folder"))
        }
    }

    @Test func aRequestThatChangedIsNoticed() throws {
        let lock = try sampleLock()
        #expect(try lock.packages(of: .target("amd64"), requested: ["bash", "zlib1g"]).count == 3)
        let error = #expect(throws: PackageLockError.self) {
            try lock.packages(of: .target("amd64"), requested: ["bash", "curl", "awk"])
        }
        #expect(error == .requestChanged(.target("amd64"), added: ["awk", "curl"], removed: ["zlib1g"]))
        #expect("\(try #require(error))".contains("adds awk, curl; the manifest no longer has zlib1g"))
        #expect(throws: PackageLockError.self) { try lock.packages(of: .tools("riscv64"), requested: []) }
    }

    @Test(arguments: [
        ("\"size\": 1234", "\"size\": -1", 14), ("\"size\": 1234", "\"size\": 0", 14),
        ("\"size\": 1234", "\"size\": 99999999999999999999", 14), ("\"size\": 1234", "\"size\": \"1\"", 14),
        ("\"size\": 1234", "\"size\": 1234, \"size\": 1", 14), ("\"size\": 1234", "\"more\": 1", 14),
        ("\"size\": 1234", "\"size\": 1e3", 14), ("\"size\": 1234", "\"size\": 01234", 14),
        ("\"size\": 1234", "\"size\": null", 14), ("\"size\": 1234", "\"size\": 4294967297", 14),
        ("pool/main/base", "/pool/main/base", 14), ("pool/main/base", "pool/../base", 14),
        ("pool/main/base", "pool//base", 14), ("pool/main/base", "./pool/base", 14),
        ("pool/main/base", "pool/\\u0000base", 14), ("pool/main/base", "pool/ba se", 14),
        ("_all.deb", "_all.rpm", 14), ("\"debian\"", "\"ubuntu\"", 14), ("\"base\"", "\"Base\"", 14),
        ("\"base\"", "\"bash\"", 7), ("\"all\"", "\"arm64\"", 14),
        ("\"version\": \"1.0-1\"", "\"version\": \"\"", 14),
        ("\"sha256\": \"", "\"sha256\": \"0", 14), ("\"bash\",", "\"bush\",", 8),
        ("\"formatVersion\": 1", "\"formatVersion\": 2", 2), (": 0,", ": -1,", 5),
        (": 0,", ": 4294967296,", 5),
        ("\"components\": [\"main\"]", "\"components\": []", 4), ("[\"main\"]", "[\"main\", \"main\"]", 4),
        ("[\"main\"]", "[\"ma in\"]", 4), ("\"suites\"", "\"suits\"", 1), ("\"amd64\"", "\"../x\"", 7),
        ("  \"tools\"", "  \"x\": 1, \"tools\"", 29), ("  \"tools\"", "  \"targets\"", 29),
        ("[\"main\"]", "[[[[[[[[[[[[", 4), ("[\"main\"]", "[\"main\",]", 4), ("\"main\"", "\"ma\n\"", 4),
    ])
    func mistakesAreNamedWithTheirLine(old: String, new: String, line: Int) throws {
        let text = try sampleLock().text
        let range = try #require(text.range(of: old))
        let error = failure(text.replacingCharacters(in: range, with: new))
        guard case .malformed("p.lock", let found, let problem) = error else {
            Issue.record("no error, or another: \(String(describing: error))")
            return
        }
        #expect(found == line, "\(problem)")
        #expect("\(try #require(error))".hasPrefix("p.lock:\(line): "))
    }

    @Test func truncatedTextIsRefusedAtEveryLength() throws {
        let bytes = Array(try sampleLock().text.utf8)
        // The last byte is a newline, which may be missing.
        for length in 0..<(bytes.count - 1) {
            #expect(throws: PackageLockError.self) {
                try PackageLock(text: Array(bytes[..<length]), path: "p")
            }
        }
        #expect(throws: PackageLockError.self) { try PackageLock(text: bytes + [0x7b], path: "p") }
    }

    @Test func flippedBitsNeverCrashAndNeverLeaveTheArchive() throws {
        let bytes = Array(try sampleLock().text.utf8)
        for index in bytes.indices {
            for bit in 0..<8 {
                var changed = bytes
                changed[index] ^= 1 << bit
                guard let lock = try? PackageLock(text: changed, path: "p") else { continue }
                for name in lock.listNames {
                    for package in lock[name]?.packages ?? [] {
                        let parts = package.filename.split(separator: "/", omittingEmptySubsequences: false)
                        #expect(!parts.contains("..") && !parts.contains("") && !parts.contains("."))
                    }
                }
            }
        }
    }

    @Test func differencesAreListedByPackage() throws {
        let old = [
            try package("aa"), try package("bb", "1.0-1"), try package("cc", "2.0"), try package("dd"),
        ]
        let new = [
            try package("bb", "1.0-2"), try package("cc", "1.9"), try package("dd", content: "x"),
            try package("ee"),
        ]
        let difference = LockDifference(from: old, to: new)
        #expect(
            difference.description == """
                + ee 1.0-1
                - aa 1.0-1
                ~ bb 1.0-1 -> 1.0-2
                ~ cc 2.0 -> 1.9 (older)
                ! dd 1.0-1: same version, other file
                1 added, 1 removed, 2 changed, 1 replaced
                """
        )
        #expect(LockDifference(from: old, to: old.reversed()).isEmpty)
        #expect(LockDifference(from: old, to: old).description == "no changes")
        let decoded = try JSONDecoder().decode(LockDifference.self, from: JSONEncoder().encode(difference))
        #expect(decoded == difference)

        let lock = try sampleLock()
        var next = lock
        next[.target("arm64")] = nil
        let all = next.differences(from: lock)
        #expect(all.map(\.list) == [.target("arm64")])
        #expect(all.first?.difference.removed.map(\.name) == ["bash"])
    }
}
