import Foundation
import Glibc
import JSON
import TestSupport
import Testing

@testable import HostSteps

/// A host in a folder: a store, features, user data, and the real API server as a process.
private final class FolderHost {
    let folder: TemporaryDirectory
    private var server: Process?
    private let program: String

    init(userData: String?) throws {
        folder = try TemporaryDirectory()
        program = try builtProgram("bulkhead-host")
        for name in ["features", "templates", "run", "root/usr/share/bulkhead", "credentials"] {
            try FileManager.default.createDirectory(
                atPath: folder.file(name),
                withIntermediateDirectories: true
            )
        }
        try write(
            "os-release",
            "ID=bulkhead\nVERSION_ID=0.1.0\nVARIANT_ID=test\nPRETTY_NAME=Test\nBUILD_ID=1\n"
        )
        try write(
            "features/motd.toml",
            """
            description = "The message."
            [defaults]
            motd = "default"
            [generators]
            "network.hostname" = { command = ["/bin/echo", "\\"generated\\""], strength = "weak" }
            "updates.seed" = { command = ["/bin/false"], strength = "strong" }
            [services.motd]
            settings = ["motd", "network.hostname"]
            files = ["motd"]
            restart = []
            [files.motd]
            path = "/etc/motd"
            template = "motd"
            mode = "0644"
            """
        )
        try write("templates/motd", "{{settings.motd}} {{settings.network.hostname}}\n")
        if let userData { try write("root/usr/share/bulkhead/user-data.toml", userData) }
    }

    deinit { stop() }

    func write(_ name: String, _ text: String) throws {
        try Data(text.utf8).write(to: folder.url.appending(path: name))
    }

    func read(_ name: String) throws -> String {
        try String(contentsOfFile: folder.file(name), encoding: .utf8)
    }

    func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: folder.file(name)) }

    func migrate() async -> (status: Int32, output: String, error: String) {
        await step(
            "migrate",
            "--state",
            folder.file("state"),
            "--features",
            folder.file("features"),
            "--os-release",
            folder.file("os-release"),
            "--run",
            folder.file("run")
        )
    }

    func userData(_ more: String...) async -> (status: Int32, output: String, error: String) {
        let arguments =
            ["user-data", "--socket", folder.file("api.sock"), "--state", folder.file("state")]
            + [
                "--run", folder.file("run"), "--root", folder.file("root"), "--metadata",
                "http://127.0.0.1:9",
            ] + more
        return await run(arguments)
    }

    func generate() async -> (status: Int32, output: String, error: String) {
        await step(
            "generate",
            "--socket",
            folder.file("api.sock"),
            "--features",
            folder.file("features"),
            "--run",
            folder.file("run")
        )
    }

    func apply() async -> (status: Int32, output: String, error: String) {
        await step(
            "apply",
            "--socket",
            folder.file("api.sock"),
            "--state",
            folder.file("state"),
            "--run",
            folder.file("run")
        )
    }

    private func run(_ arguments: [String]) async -> (status: Int32, output: String, error: String) {
        let credentials = "CREDENTIALS_DIRECTORY=\(folder.file("credentials"))"
        let result = try? runTool("env", [credentials, program, "hostd"] + arguments)
        return (result?.status ?? -1, result?.output ?? "", result?.output ?? "")
    }

    func start() async throws {
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments =
            ["apiserver", "--socket", folder.file("api.sock"), "--state", folder.file("state")]
            + ["--features", folder.file("features"), "--templates", folder.file("templates")]
            + ["--root", folder.file("run"), "--os-release", folder.file("os-release"), "--no-systemd"]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        process.standardInput = FileHandle.nullDevice
        try process.run()
        server = process
        for _ in 0..<1200 where !exists("api.sock") { try await Task.sleep(for: .milliseconds(25)) }
        try #require(exists("api.sock"), "apiserver did not begin to listen")
    }

    func stop() {
        if let server { kill(server.processIdentifier, SIGKILL) }
        server = nil
        try? FileManager.default.removeItem(atPath: folder.file("api.sock"))
    }

    func get(_ path: String) throws -> JSONValue { try JSONValue(parsing: ask("GET", path)) }

    @discardableResult func ask(_ method: String, _ path: String, _ body: String? = nil) throws -> String {
        let content = body.map { ["--json", $0] } ?? []
        let address = ["--unix-socket", folder.file("api.sock"), "http://localhost\(path)"]
        return try runTool("curl", ["-s", "-X", method] + content + address).output
    }
}

@Suite(.serialized) struct BootTests {
    private static let userData = """
        [settings]
        motd = "from user data"
        [settings.dns]
        name-servers = ["10.0.2.3", "not an address"]
        search-list = ["example.org"]
        [[settings.container-registry.credentials]]
        registry = "docker.io"
        password = ["sesame"]
        """

    @Test func aBootTakesUserDataOnceAndNamesEveryBadLine() async throws {
        let host = try FolderHost(userData: Self.userData)
        let migrated = await host.migrate()
        #expect(migrated.status == 0, "\(migrated)")
        try await host.start()

        let read = await host.userData()
        #expect(read.status == 0, "\(read.output)")
        #expect(read.output.contains("settings.dns.name-servers[1]"))
        #expect(read.output.contains("not an address"))
        #expect(!read.output.contains("sesame"))
        // Nothing is noted before the commit: a power cut here has the next boot read it again.
        #expect(!host.exists("state/user-data.applied"))

        let generated = await host.generate()
        #expect(generated.status == 0, "\(generated)")
        #expect(generated.error.contains("settings.updates.seed"))
        let applied = await host.apply()
        #expect(applied.status == 0, "\(applied)")
        #expect(host.exists("state/user-data.applied"))
        #expect(try host.read("run/etc/motd") == "from user data generated\n")

        let settings = try host.get("/settings")
        #expect(settings["motd"] == "from user data")
        #expect(settings["dns"]?["search-list"] == ["example.org"])
        let health = try host.get("/health")
        #expect(health["status"] == "degraded")
        let problems = health["problems"]?.elements ?? []
        let bad = try #require(
            problems.first { $0["key"] == "settings.dns.name-servers[1]" },
            "\(health.prettyText)"
        )
        #expect(bad["value"] == "\"not an address\"")
        #expect(bad["message"]?.string?.contains("IP") == true)
        #expect(problems.contains { $0["key"] == "settings.updates.seed" })
        #expect(!health.description.contains("sesame"))

        // The next boot: what was set stays, what is generated for a boot is generated again.
        host.stop()
        try host.write("root/usr/share/bulkhead/user-data.toml", "motd = 'other'")
        #expect(await host.migrate().status == 0)
        try await host.start()
        #expect(await host.userData().output.contains("earlier boot"))
        #expect(await host.generate().output.contains("settings.network.hostname"))
        #expect(await host.apply().status == 0)
        #expect(try host.get("/settings")["motd"] == "from user data")
        #expect(await host.userData("--again").status == 0)
        #expect(await host.apply().status == 0)
        #expect(try host.get("/settings")["motd"] == "other")
    }

    @Test func aSourceThatCannotBeReadIsAskedAgain() async throws {
        let host = try FolderHost(userData: "motd = 'image'")
        let links = host.folder.url.appending(path: "root/dev/disk/by-label")
        try FileManager.default.createDirectory(at: links, withIntermediateDirectories: true)
        try Data("no file system".utf8).write(to: links.appending(path: "user-data"))
        #expect(await host.migrate().status == 0)
        try await host.start()
        #expect(await host.userData().output.contains("by-label/user-data"))
        #expect(await host.apply().status == 0)
        #expect(!host.exists("state/user-data.applied") && host.exists("state/user-data.partial"))
        #expect(try host.get("/settings")["motd"] == "image")
        // The image's file was taken; only the volume is asked again.
        try FileManager.default.removeItem(at: links.appending(path: "user-data"))
        try host.write("root/usr/share/bulkhead/user-data.toml", "motd = 'other'")
        #expect(await host.userData().status == 0)
        #expect(await host.apply().status == 0)
        #expect(host.exists("state/user-data.applied") && !host.exists("state/user-data.partial"))
        #expect(try host.get("/settings")["motd"] == "image")
    }

    @Test func whatComesLateCountsAsAtTheFirstBootButNotOverChangesSince() async throws {
        let host = try FolderHost(
            userData: "motd = 'image'\ndns.search-list = ['image']\nkernel.lockdown = 'none'"
        )
        let credential = "credentials/bulkhead.user-data"
        try FileManager.default.createDirectory(
            atPath: host.folder.file(credential),
            withIntermediateDirectories: true
        )
        #expect(await host.migrate().status == 0)
        try await host.start()
        #expect(await host.userData().status == 0)
        #expect(await host.apply().status == 0)
        #expect(host.exists("state/user-data.partial"))
        try host.ask("PATCH", "/settings", "{\"dns\": {\"search-list\": [\"api\"]}}")
        try host.ask("DELETE", "/settings?keys=kernel.lockdown")
        try host.ask("POST", "/tx/commit")

        try FileManager.default.removeItem(atPath: host.folder.file(credential))
        try host.write(
            credential,
            """
            motd = 'late'
            ntp.time-servers = ['late']
            dns.search-list = ['late']
            kernel.lockdown = 'integrity'
            """
        )
        let late = await host.userData()
        #expect(late.status == 0, "\(late.output)")
        for key in ["settings.dns.search-list", "settings.kernel.lockdown"] {
            #expect(late.output.contains("\(key) of 'credential' is not set"), "\(late.output)")
        }
        #expect(await host.apply().status == 0)
        let settings = try host.get("/settings")
        #expect(settings["motd"] == "late" && settings["ntp"]?["time-servers"] == ["late"])
        #expect(settings["dns"]?["search-list"] == ["api"])
        #expect(settings["kernel"]?["lockdown"] != "integrity")
        #expect(host.exists("state/user-data.applied") && !host.exists("state/user-data.partial"))
    }

    @Test func whatComesLateDoesNotCountOverALaterSource() async throws {
        let host = try FolderHost(userData: nil)
        let image = "root/usr/share/bulkhead/user-data.toml"
        try FileManager.default.createDirectory(
            atPath: host.folder.file(image),
            withIntermediateDirectories: true
        )
        try host.write("credentials/bulkhead.user-data", "motd = 'credential'")
        #expect(await host.migrate().status == 0)
        try await host.start()
        #expect(await host.userData().status == 0)
        #expect(await host.apply().status == 0)
        try FileManager.default.removeItem(atPath: host.folder.file(image))
        try host.write(image, "motd = 'image'\ndns.search-list = ['image']")
        let late = await host.userData()
        #expect(late.output.contains("settings.motd of 'image' is not set"), "\(late.output)")
        #expect(await host.apply().status == 0)
        let settings = try host.get("/settings")
        #expect(settings["motd"] == "credential" && settings["dns"]?["search-list"] == ["image"])
    }

    @Test func aNoteOfAnEarlierVersionIsRead() {
        let taken = TakenUserData(names: ["image", "credential"], values: nil)
        #expect(
            taken.sources == ["image": [:], "credential": [:]] && taken.names == ["credential", "image"]
        )
        #expect(TakenUserData(names: taken.names, values: taken.values) == taken)
        let values: JSONValue = ["image": ["settings.motd": "ab"], "other": [:]]
        #expect(TakenUserData(names: ["image"], values: values).sources == ["image": ["settings.motd": "ab"]])
        #expect(TakenUserData(names: 1, values: 1).sources.isEmpty)
    }

    @Test func aSourceOfMoreThanATransactionHoldsIsLeftOutAsAWhole() async throws {
        let host = try FolderHost(userData: "motd = 'image'")
        // More than one request, and more changes than one transaction takes, though each map has few enough.
        let sysctls = (0..<6000).map { "\"net.test.key\($0)\" = \"1\"\n" }.joined()
        let modules = (0..<6000).map { "m\($0).allowed = true\n" }.joined()
        try host.write(
            "credentials/bulkhead.user-data",
            "[settings.kernel.sysctl]\n\(sysctls)[settings.kernel.modules]\n\(modules)"
        )
        #expect(await host.migrate().status == 0)
        try await host.start()
        let read = await host.userData()
        #expect(
            read.status == 0 && read.output.contains("none of its 12000 settings"),
            "\(read.output.suffix(400))"
        )
        #expect(try host.get("/tx?tx=bulkhead-launch") == ["motd": "image"])
        #expect(await host.apply().status == 0)
        let settings = try host.get("/settings")
        #expect(settings["motd"] == "image" && settings["kernel"]?["sysctl"] == nil)
        let problems = try host.get("/health")["problems"]?.elements ?? []
        #expect(
            problems.contains {
                $0["source"] == "user-data"
                    && $0["message"]?.string?.contains("none of its 12000 settings") == true
            },
            "\(problems)"
        )
        // It would be refused at every boot.
        #expect(host.exists("state/user-data.applied"))
    }

    @Test func userDataThatCannotBeStagedNowIsReportedAndReadAgain() async throws {
        let host = try FolderHost(userData: "motd = 'image'\nnonsense = 1")
        #expect(await host.migrate().status == 0)
        try await host.start()
        // A state that ends with the next boot.
        try host.ask("POST", "/actions/lockdown")
        let read = await host.userData()
        #expect(read.status == 1 && read.output.contains("locked down"), "\(read.output)")
        let problems = try host.get("/health")["problems"]?.elements ?? []
        #expect(problems.contains { $0["message"]?.string?.contains("locked down") == true }, "\(problems)")
        #expect(problems.contains { $0["key"] == "settings.nonsense" }, "\(problems)")
        #expect(!host.exists("run/user-data.staged"))
    }

    @Test func withoutAServerTheStepsSaySo() async throws {
        let host = try FolderHost(userData: "motd = 'image'")
        for result in [await host.userData(), await host.generate(), await host.apply()] {
            #expect(result.status == 1)
            #expect(result.error.contains("is apiserver running?"), "\(result)")
        }
        #expect(!host.exists("run/user-data.staged"))
    }

    @Test func aStoreThatCannotBeOpenedIsNamed() async throws {
        let host = try FolderHost(userData: nil)
        try host.write("state", "a file")
        let result = await host.migrate()
        #expect(result.status == 1 && result.error.contains("store of settings can't be opened"))
    }

    @Test func damagedFeaturesDoNotKeepTheRestFromBeingDone() async throws {
        let host = try FolderHost(userData: nil)
        try host.write("features/bad.toml", "nonsense")
        let result = await host.migrate()
        #expect(result.status == 1 && result.error.contains("bad.toml"), "\(result)")
        #expect(try host.read("run/migrate-report.json").contains("bad.toml"))
    }
}
