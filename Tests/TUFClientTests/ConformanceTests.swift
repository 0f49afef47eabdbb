import Foundation
import Glibc
import HTTPFetch
import Hashing
@testable import TUF
import TestSupport
import Testing

@testable import TUFClient

/// The interpreter that has python-tuf: the one of the Makefile's virtual environment, else the system's.
private let python: String? = {
    var candidates = ["python3"]
    if let venv = ProcessInfo.processInfo.environment["BULKHEAD_VENV"] {
        candidates.insert("\(venv)/bin/python3", at: 0)
    }
    return candidates.first { (try? runTool($0, "-c", "import tuf").status) == 0 }
}()

@Suite struct ConformanceTests {
    /// Every scenario of conformance/, against the program as it was built.
    @Test(
        .enabled(
            if: python != nil,
            "SKIPPED: python module tuf is neither in $BULKHEAD_VENV nor in the system"
        ),
        arguments: [
            "refresh_and_implicit_refresh", "bad_initial_roots", "unsigned_roles",
            "timestamp_changes_without_a_new_version", "hashes_of_metadata", "custom_fields", "rollbacks",
            "snapshot_of_another_version_than_announced", "fast_forward_recovery", "expired_roles",
            "expired_local_metadata_are_updated", "expired_delegated_roles", "key_kinds", "root_rotations",
            "rotations_of_other_roles", "one_key_listed_several_times", "downloads",
            "several_downloads_of_one_operation", "substituted_artifacts", "without_consistent_snapshots",
            "unusual_names_of_roles", "order_of_delegations", "targets_of_delegated_roles", "hash_bins",
            "endless_files", "wrong_usage",
        ]
    )
    func scenario(_ name: String) throws {
        let interpreter = try #require(python)
        let script = URL(filePath: #filePath).deletingLastPathComponent().appending(
            path: "conformance/run.py"
        ).path
        // -B: nothing is written beside the scripts.
        let result = try runTool(interpreter, "-B", script, builtProgram("tuf-client"), name)
        #expect(result.output == "ok \(name)\n")
        #expect(result.status == 0)
    }
}

@Suite struct OptionsTests {
    @Test func optionsMayStandAnywhere() throws {
        let options = try Options([
            "download", "--metadata-dir=m", "--metadata-url", "http://a/", "--target-name", "x",
            "--target-name",
            "y=z", "--target-dir", "t", "--target-base-url", "http://b/",
        ])
        #expect(options.command == .download)
        #expect(options.metadataFolder == "m")
        #expect(options.targetNames == ["x", "y=z"])
        #expect(try Options(["--metadata-dir", "m", "init", "r"]).command == .initialize(trustedRoot: "r"))
    }

    @Test func targetPathsBecomePartsOfURLs() {
        #expect(Repository.escaped("a/b c?#\u{e9}%20.txt") == "a/b%20c%3F%23%C3%A9%20.txt")
    }

    /// Refused before anything is fetched for it.
    @Test func aNameThatNoFileCanHaveIsRefused() async throws {
        let directory = try TemporaryDirectory()
        let folder = TargetFolder(directory.file("targets"))
        for (name, isRight) in [
            (String(repeating: "a", count: 255), true), (String(repeating: "\u{e9}", count: 43), false),
        ] {
            let file = TargetFile(length: 1, sha256: SHA256Digest(hashing: "x"))
            let target = FoundTarget(path: name, file: file, role: "targets", location: name)
            var wasAsked = false
            do {
                try await folder.write(target) { body in
                    wasAsked = true
                    try await body([UInt8(ascii: "x")])
                }
                #expect(isRight && folder.has(target))
            } catch let error as TUFError {
                guard case .store(_, _, ENAMETOOLONG) = error else { throw error }
                #expect(!isRight)
            }
            #expect(wasAsked == isRight)
        }
    }

    @Test func onlyALaterRootMayBeForbidden() {
        let forbidden = FetchError.failed(url: "u", .status(403))
        #expect(Repository.isAbsent("3.root.json", forbidden))
        #expect(!Repository.isAbsent("timestamp.json", forbidden))
        #expect(!Repository.isAbsent("1.targets.json", forbidden))
        #expect(Repository.isAbsent("timestamp.json", .failed(url: "u", .status(404))))
    }

    @Test func targetsHaveNamesInsideOfTheirFolder() {
        let folder = TargetFolder("/t")
        #expect(folder.file(of: "a/b") == "/t/a%2Fb")
        #expect(folder.file(of: "..") == "/t/%2E.")
        #expect(folder.file(of: "../../etc/passwd") == "/t/%2E.%2F..%2Fetc%2Fpasswd")
        #expect(folder.file(of: ".hidden") == "/t/%2Ehidden")
    }
}
