import ArgumentParser
import Foundation
import ImageBuilder
import ReleaseManifest
import TestSupport
import Testing
import VirtualMachine

@testable import BulkheadCommands

@Suite struct RunCommandTests {
    private func machine(_ arguments: String...) throws -> VirtualMachine.Configuration {
        try RunCommand.parse(arguments).machine(
            image: RunnableImage(path: "/i/disk.raw", architecture: .amd64)
        )
    }

    @Test func defaultsAreADefaultMachine() throws {
        #expect(try machine() == VirtualMachine.Configuration(image: "/i/disk.raw", architecture: .amd64))
        #expect(try RunCommand.parse([]).image == "vm-containerd")
    }

    @Test func optionsDescribeTheMachine() throws {
        let directory = try TemporaryDirectory()
        let file = directory.file("unit")
        try Data("text".utf8).write(to: URL(filePath: file))
        let configuration = try machine(
            "vm-containerd",
            "--memory",
            "512MiB",
            "--disk-size",
            "1T",
            "--cpus",
            "3",
            "--sector-size",
            "4096",
            "--forward",
            "2222:22",
            "--forward",
            "8080:80",
            "--disk",
            "/one",
            "--disk",
            "/two",
            "--user-data",
            "/u",
            "--acceleration",
            "tcg",
            "--credential",
            "a=b=c",
            "--credential",
            "empty=",
            "--credential-file",
            "unit=\(file)"
        )
        #expect(configuration.memory == 512 && configuration.processors == 3)
        #expect(configuration.diskSize == 1 << 40 && configuration.sectorSize == 4096)
        #expect(configuration.forwards == [.init(host: 2222, guest: 22), .init(host: 8080, guest: 80)])
        #expect(configuration.disks == ["/one", "/two"] && configuration.hasNetwork)
        #expect(configuration.userData == "/u" && configuration.acceleration == .tcg)
        #expect(
            configuration.credentials == [
                "a": Array("b=c".utf8), "empty": [], "unit": Array("text".utf8),
            ]
        )
    }

    @Test func aMachineMayHaveNoNetwork() throws {
        #expect(!(try machine("vm-containerd", "--no-network").hasNetwork))
    }

    @Test(arguments: [
        ["--memory", "2048"], ["--memory", "2GB"], ["--memory", "-1G"], ["--memory", "1K"],
        ["--memory", "2 G"],
        ["--disk-size", "99999999999999999999G"], ["--disk-size", "2000T"], ["--disk-size", ""],
        ["--forward", "80"], ["--forward", "0:80"], ["--forward", "80:65536"], ["--forward", "1:2:3"],
        ["--forward", "80:1", "--forward", "80:2"], ["--credential", "novalue"], ["--credential", "=v"],
        ["--credential", "a/b=v"], ["--credential", "a=1", "--credential-file", "a=f"],
        ["--sector-size", "1000"],
        ["--cpus", "0"], ["--arch", "mips"], ["--acceleration", "fast"],
        ["--no-network", "--forward", "80:80"],
    ])
    func badValueIsWrongUsage(_ arguments: [String]) {
        let error = #expect(throws: (any Error).self) { try RunCommand.parse(arguments) }
        #expect(error.map { RunCommand.exitCode(for: $0) } == .validationFailure)
    }

    @Test func helpHasExamples() {
        let help = RunCommand.helpMessage()
        #expect(help.contains("bulkhead run vm-containerd --memory 4G") && help.contains("Ctrl-A X"))
    }
}

/// What an argument of `bulkhead run` stands for, in a repository with build folders.
@Suite struct RunnableImageTests {
    private let directory: TemporaryDirectory
    private let workspace: Workspace
    private let native: VirtualMachine.Architecture
    private let foreign: VirtualMachine.Architecture

    init() throws {
        directory = try TemporaryDirectory()
        for variant in ["small", "small-two"] {
            let folder = directory.file("variants/\(variant)")
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try Data().write(to: URL(filePath: "\(folder)/variant.toml"))
        }
        try Data().write(to: URL(filePath: directory.file("Package.swift")))
        workspace = try Workspace(repository: directory.path, cache: directory.file("cache"))
        native = try #require(VirtualMachine.Architecture.current)
        foreign = native == .amd64 ? .arm64 : .amd64
    }

    private func find(_ argument: String, _ architecture: VirtualMachine.Architecture? = nil) throws
        -> RunnableImage
    {
        try RunnableImage(argument, in: workspace, architecture: architecture)
    }

    private func error(_ argument: String, _ architecture: VirtualMachine.Architecture? = nil) -> RunError? {
        #expect(throws: RunError.self) { try find(argument, architecture) }
    }

    /// Makes a build folder that is `age` seconds old and returns its path.
    @discardableResult
    private func build(
        _ variant: String = "small",
        _ version: String = "1",
        _ architecture: VirtualMachine.Architecture? = nil,
        age: Double = 0,
        formats: [String] = ["raw"],
        sectorSize: UInt64 = 512
    ) throws -> String {
        let architecture = architecture ?? native
        let folder = "\(workspace.output)/\(variant)-\(architecture.rawValue)-\(version)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let digest = String(repeating: "0", count: 64)
        let file = { (name: String) -> [String: Any] in ["file": name, "size": 1 << 20, "sha256": digest] }
        let release: [String: Any] = [
            "formatVersion": 1, "variant": variant, "architecture": architecture.rawValue, "version": version,
            "sourceDateEpoch": 0, "sectorSize": sectorSize, "kernelVersion": "6", "toolVersion": "1",
            "commandLine": "roothash=\(digest)",
            "root": [
                "hash": digest, "salt": "00", "blockSize": 4096, "dataBlocks": 1, "size": 4096,
                "sha256": digest, "treeSize": 8192, "treeSha256": digest,
            ],
            "uki": file("a.efi"),
            "disk": [
                "size": 1 << 20, "sha256": digest,
                "partitions": [
                    [
                        "label": "esp", "type": "c12a7328-f81f-11d2-ba4b-00a0c93ec93b",
                        "uuid": "c12a7328-f81f-11d2-ba4b-00a0c93ec93b", "size": 4096,
                    ]
                ],
            ],
            "lock": ["sha256": digest, "changed": false, "differences": []],
            "images": Dictionary(uniqueKeysWithValues: formats.map { ($0, file("disk.\($0)")) }),
        ]
        for format in formats { try Data([1]).write(to: URL(filePath: "\(folder)/disk.\(format)")) }
        let path = "\(folder)/release.json"
        try JSONSerialization.data(withJSONObject: release).write(to: URL(filePath: path))
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSinceNow: -age)],
            ofItemAtPath: path
        )
        return folder
    }

    @Test func variantIsItsNewestBuild() throws {
        try build("small", "2", age: 100)
        let newest = try build("small", "1", age: 50)
        try build("small-two", "9")
        #expect(try find("small").path == "\(newest)/disk.raw")
    }

    @Test func nativeBuildIsPreferred() throws {
        let emulated = try build("small", "2", foreign)
        #expect(
            try find("small")
                == RunnableImage(path: "\(emulated)/disk.raw", architecture: foreign, sectorSize: 512)
        )
        let own = try build("small", "1", age: 100)
        #expect(try find("small").path == "\(own)/disk.raw")
        #expect(try find("small", foreign).path == "\(emulated)/disk.raw")
    }

    @Test func folderAndFileTakeFactsFromTheRelease() throws {
        let folder = try build("small", "1", foreign, formats: ["qcow2"], sectorSize: 4096)
        let expected = RunnableImage(path: "\(folder)/disk.qcow2", architecture: foreign, sectorSize: 4096)
        #expect(try find(folder) == expected)
        #expect(try find("\(folder)/disk.qcow2") == expected)
        // A file that the release does not name is any disk image.
        let other = "\(folder)/other.raw"
        try Data([1]).write(to: URL(filePath: other))
        #expect(try find(other) == RunnableImage(path: other, architecture: native))
        #expect(try find(other, foreign).architecture == foreign)
    }

    @Test func whatIsMissingIsSaidWithTheRemedy() throws {
        #expect(error("small") == .notBuilt(variant: "small", output: workspace.output, architecture: nil))
        #expect(error("small")?.description.contains("run: bulkhead build small") == true)
        #expect(error("other") == .neitherPathNorVariant(argument: "other", repository: directory.path))
        #expect(error("/nonexistent/x") == .notFound(path: "/nonexistent/x"))
        #expect(error(directory.path) == .noBuildFolder(path: directory.path))
        let folder = try build()
        #expect(error("small", foreign)?.description.contains(foreign.rawValue) == true)
        #expect(error(folder, foreign) == .otherArchitecture(path: folder, architecture: native.rawValue))
        try FileManager.default.removeItem(atPath: "\(folder)/disk.raw")
        #expect(error(folder) == .noImage(path: folder, candidates: ["disk.raw"]))
        try Data("{".utf8).write(to: URL(filePath: "\(folder)/release.json"))
        #expect(error(folder)?.description.contains("release.json' cannot be used") == true)
        // As a variant it is no build at all.
        #expect(error("small")?.description.contains("bulkhead build small") == true)
    }
}

/// The program itself, with the firmware as the guest.
@Suite struct RunProgramTests {
    @Test(.timeLimit(.minutes(3)))
    func terminationEndsQEMUAndRemovesItsFiles() async throws {
        let directory = try TemporaryDirectory()
        let image = directory.file("empty.raw")
        try Data(count: 1 << 20).write(to: URL(filePath: image))
        let temporary = directory.file("tmp")
        try FileManager.default.createDirectory(atPath: temporary, withIntermediateDirectories: true)
        let output = directory.file("output")
        try Data().write(to: URL(filePath: output))
        let process = Process()
        process.executableURL = URL(filePath: try builtProgram("bulkhead"))
        process.arguments = ["run", image, "--memory", "256M", "--disk-size", "64M", "--acceleration", "tcg"]
        process.environment = ProcessInfo.processInfo.environment.merging(["TMPDIR": temporary]) { $1 }
        process.standardInput = FileHandle.nullDevice
        let handle = try FileHandle(forWritingTo: URL(filePath: output))
        process.standardOutput = handle
        process.standardError = handle
        try process.run()
        let log = { String(decoding: FileManager.default.contents(atPath: output) ?? Data(), as: UTF8.self) }
        while process.isRunning, !log().contains("BdsDxe") { try await Task.sleep(for: .milliseconds(50)) }
        #expect(log().contains("Ctrl-A X") && log().contains("emulation"))
        #expect(try !FileManager.default.contentsOfDirectory(atPath: temporary).isEmpty)
        #expect(try running(with: temporary) == 1)

        process.terminate()
        process.waitUntilExit()
        #expect(process.terminationReason == .uncaughtSignal && process.terminationStatus == SIGTERM)
        #expect(try FileManager.default.contentsOfDirectory(atPath: temporary).isEmpty)
        #expect(try running(with: temporary) == 0)
    }

    /// The number of QEMU processes that a path is given to.
    private func running(with path: String) throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc").count { name in
            guard Int(name) != nil, let handle = FileHandle(forReadingAtPath: "/proc/\(name)/cmdline"),
                let data = try? handle.readToEnd()
            else { return false }
            let command = String(decoding: data, as: UTF8.self)
            return command.contains("qemu-system") && command.contains(path)
        }
    }
}
