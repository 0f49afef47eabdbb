import Foundation
import Rollout
import Signatures
import TUF
import TestSupport
import Testing

@testable import ReleaseRepository

/// What python-tuf, the reference implementation, thinks of our repositories.
@Suite struct PythonClientTests {
    /// The interpreter that has python-tuf: the one of the Makefile's virtual environment, else the system's.
    private static let python: String? = {
        let venv = ProcessInfo.processInfo.environment["BULKHEAD_VENV"].map { "\($0)/bin/python3" }
        return [venv, "python3"].compactMap(\.self).first {
            (try? runTool($0, "-c", "import tuf.ngclient").status) == 0
        }
    }()

    /// Refreshes, then downloads all files of the releases that are named, and prints the descriptions.
    private static let program = """
        import json, os, sys
        from tuf.api.exceptions import DownloadHTTPError
        from tuf.ngclient import FetcherInterface, Updater

        class FolderFetcher(FetcherInterface):
            def _fetch(self, url):
                path = url.removeprefix("http://site/")
                try:
                    with open(os.path.join(sys.argv[1], path), "rb") as file:
                        return iter([file.read()])
                except FileNotFoundError:
                    raise DownloadHTTPError("not found", 404)

        state = sys.argv[2]
        os.makedirs(state + "/targets", exist_ok=True)
        with open(sys.argv[3], "rb") as file:
            trusted = file.read()
        updater = Updater(state, "http://site/metadata/", state + "/targets", "http://site/targets/",
                          fetcher=FolderFetcher(), bootstrap=trusted)
        updater.refresh()
        for path in sys.argv[4:]:
            info = updater.get_targetinfo(path)
            assert info, path
            print(len(open(updater.download_target(info), "rb").read()), json.dumps(info.custom, sort_keys=True))
        """

    private func ask(_ site: Site, state: String, _ targets: [String]) throws -> (
        status: Int32, output: String
    ) {
        let python = try #require(Self.python)
        return try runTool(
            python,
            ["-c", Self.program, site.repository, site.folder.file(state), "\(site.keys)/1.root.json"]
                + targets
        )
    }

    @Test(
        .enabled(
            if: python != nil,
            "SKIPPED: python module tuf is neither in $BULKHEAD_VENV nor in the system: make test installs it"
        )
    )
    func itAcceptsWhatWePublishBeforeAndAfterEveryRotation() async throws {
        // Its clock is the system's.
        let now = MetadataTime.now
        let site = try await Site.make(now: now)
        #expect(try ask(site, state: "old", []).status == 0)
        let waves = try WaveTable(.standard, from: now.seconds)
        _ = try await site.open(now: now).publish([site.build("1.0.0")], waves: waves)
        let files = ["release.json", "root.erofs", "vm_1.0.0.efi"].map { "vm/amd64/1.0.0/\($0)" }
        let first = try ask(site, state: "old", files)
        #expect(first.status == 0, "\(first.output)")
        #expect(first.output.contains("69632 null"))
        #expect(first.output.contains("\"version\": \"1.0.0\"") && first.output.contains("\"waves\": {\"0\""))
        let kinds: [KeyCeremony.NewKey] = [
            .made(.ecdsaP256), .made(.rsa), .made(.ed25519), .made(.ecdsaP256),
        ]
        for (role, kind) in zip(Root.topLevelRoles, kinds) {
            _ = try await KeyCeremony(now: now).rotate(role, in: site.keys, newKeys: [kind])
            _ = try await site.open(now: now).refresh()
            // One that saw every state before, and one that begins with the first root.
            for state in ["old", "new-\(role)"] {
                let answer = try ask(site, state: state, files)
                #expect(answer.status == 0, "\(role): \(answer.output)")
            }
        }
        _ = try await site.open(now: now).withdraw("vm/amd64/1.0.0")
        let last = try ask(site, state: "old", [files[0]])
        #expect(last.status == 0 && last.output.contains("\"withdrawn\": true"), "\(last.output)")
        // It is a judge: a byte changed is refused.
        let path = "\(site.repository)/metadata/timestamp.json"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        try text.replacingOccurrences(of: "\"version\": 8", with: "\"version\": 9")
            .replacingOccurrences(of: "\"length\": ", with: "\"length\": 1").write(
                toFile: path,
                atomically: true,
                encoding: .utf8
            )
        #expect(try ask(site, state: "other", []).status != 0)
    }
}
