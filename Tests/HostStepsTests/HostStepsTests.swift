import Foundation
import Glibc
import JSON
import Synchronization
import TestSupport
import Testing

@testable import HostSteps

/// Runs a step in this process.
func step(_ arguments: String...) async -> (status: Int32, output: String, error: String) {
    let lines = Mutex<(output: [String], error: [String])>(([], []))
    let console = Console(
        output: { line in lines.withLock { $0.output.append(line) } },
        error: { line in lines.withLock { $0.error.append(line) } }
    )
    let status = await HostStepsProgram.run(arguments, console: console)
    let (output, error) = lines.withLock { $0 }
    return (status, output.joined(separator: "\n"), error.joined(separator: "\n"))
}

@Suite struct HostStepsTests {
    @Test func helpAndUsage() async throws {
        let help = await step("--help")
        #expect(help.status == 0)
        for name in HostStepsProgram.steps.map(\.name) {
            #expect(help.output.contains("  \(name) "), "\(name)")
            let own = await step(name, "--help")
            #expect(own.status == 0 && own.output.hasPrefix("Usage: hostd \(name)"))
            #expect(await step(name, "--nonsense").status == 2)
        }
        #expect(await step().status == 2)
        #expect(await step("nonsense").error.contains("there is no step 'nonsense'"))
    }

    @Test func seedIsAPlaceInTheWaves() async throws {
        var seeds: Set<String> = []
        for _ in 0..<50 {
            let result = await step("generate", "seed")
            #expect(result.status == 0)
            #expect(try (0...2047).contains(#require(Int(result.output))))
            seeds.insert(result.output)
        }
        #expect(seeds.count > 1)
        #expect(await step("generate", "nonsense").status == 2)
    }

    @Test func thereIsAlwaysAHostName() async throws {
        let result = await step("generate", "hostname")
        #expect(result.status == 0)
        let name = try #require(try JSONValue(parsing: result.output).string)
        #expect(name.wholeMatch(of: /[a-z0-9]([a-z0-9.-]*[a-z0-9])?/) != nil)
        #expect(HostAddress.v4([10, 0, 2, 15]).hostName == "ip-10-0-2-15")
        let six: [UInt8] = [0x20, 1, 0xd, 0xb8] + [UInt8](repeating: 0, count: 11) + [1]
        #expect(HostAddress.v6(six).hostName == "ip-2001-db8-0-0-0-0-0-1")
    }

    @Test(arguments: [
        ("none [integrity] confidentiality", "confidentiality", "confidentiality", "raised"),
        ("[none] integrity confidentiality", "integrity", "integrity", "raised"),
        ("none [integrity] confidentiality", "none", nil, "can't be lowered"),
        ("none integrity [confidentiality]", "integrity", nil, "can't be lowered"),
        ("none [integrity] confidentiality", "integrity", nil, "already"),
    ])
    func lockdownOnlyRises(_ state: String, _ wanted: String, _ written: String?, _ said: String) async throws
    {
        let folder = try TemporaryDirectory()
        try Data((state + "\n").utf8).write(to: folder.url.appending(path: "kernel"))
        try Data((wanted + "\n").utf8).write(to: folder.url.appending(path: "wanted"))
        let result = await step(
            "lockdown",
            "--wanted",
            folder.file("wanted"),
            "--kernel=\(folder.file("kernel"))"
        )
        #expect(result.status == 0)
        #expect(result.output.contains(said))
        let after = try String(contentsOfFile: folder.file("kernel"), encoding: .utf8)
        #expect(written.map { after.hasPrefix($0) } ?? (after == state + "\n"))
    }

    @Test func lockdownNamesWhatIsWrong() async throws {
        let folder = try TemporaryDirectory()
        #expect(await step("lockdown", "--wanted", folder.file("missing")).status == 0)
        try Data("much".utf8).write(to: folder.url.appending(path: "wanted"))
        let bad = await step("lockdown", "--wanted", folder.file("wanted"))
        #expect(bad.status == 1 && bad.error.contains("'much'") && bad.error.contains("integrity"))
        try Data("integrity".utf8).write(to: folder.url.appending(path: "wanted"))
        let none = await step(
            "lockdown",
            "--wanted",
            folder.file("wanted"),
            "--kernel",
            folder.file("missing")
        )
        #expect(none.status == 1 && none.error.contains("has no lockdown"))
    }

    @Test func aForbiddenModuleIsNamed() async {
        let result = await step("refuse-module", "dccp")
        #expect(result.status == 1 && result.error.contains("'dccp'"))
        #expect(await step("refuse-module").status == 2)
    }

    @Test func theHostNameIsChecked() async throws {
        let folder = try TemporaryDirectory()
        #expect(await step("set-hostname", "--file", folder.file("missing")).status == 1)
        for bad in ["bad name", "", "-a", String(repeating: "a", count: 64) + ".bb"] {
            try Data(bad.utf8).write(to: folder.url.appending(path: "hostname"))
            let result = await step("set-hostname", "--file", folder.file("hostname"))
            #expect(result.status == 1 && result.error.contains("is no host name"), "\(bad)")
        }
    }

    @Test(arguments: [
        ("node-7.example.org", "node-7.example.org", false),
        (
            "\(String(repeating: "a", count: 52)).example.org",
            "\(String(repeating: "a", count: 52)).example.org", false
        ),
        ("\(String(repeating: "a", count: 53)).example.org", String(repeating: "a", count: 53), true),
        ("\(String(repeating: "a", count: 63)).bb", String(repeating: "a", count: 63), true),
    ])
    func theHostNameIsSet(_ name: String, _ kernelName: String, isCut: Bool) async throws {
        let folder = try TemporaryDirectory()
        try Data("\(name)\n".utf8).write(to: folder.url.appending(path: "hostname"))
        let program = try builtProgram("bulkhead-host")
        // In a UTS namespace of its own, so that this machine keeps its name.
        let script = "\(program) hostd set-hostname --file \(folder.file("hostname")) && uname -n"
        let result = try runTool("unshare", "--user", "--map-root-user", "--uts", "sh", "-c", script)
        #expect(result.status == 0, "\(result.output)")
        #expect(result.output.hasSuffix("\n\(kernelName)\n"), "\(result.output)")
        #expect(result.output.contains("64 bytes") == isCut, "\(result.output)")
    }

    @Test func generatorsAreBounded() throws {
        #expect(try GeneratorCommand.value(of: ["/bin/echo", "\"a\""]) == "a")
        func fails(_ script: String, _ reason: String, timeLimit: Duration = .seconds(20)) {
            #expect {
                try GeneratorCommand.value(of: ["/bin/sh", "-c", script], timeLimit: timeLimit)
            } throws: { "\($0)".contains(reason) }
        }
        fails("echo no json", "no JSON")
        fails("echo reason >&2; exit 3", "status 3: reason")
        fails("kill -9 $$", "signal 9")
        fails("yes", "more than 65536 bytes")
        fails("exec sleep 1000", "within 0 seconds", timeLimit: .milliseconds(300))
        fails("exec >&- 2>&-; exec sleep 1000", "within 0 seconds", timeLimit: .milliseconds(300))
        // What a generator leaves behind does not hold the step.
        #expect(try GeneratorCommand.value(of: ["/bin/sh", "-c", "sleep 1000 & echo 1"]) == 1)
        #expect(throws: StepError.self) { try GeneratorCommand.value(of: ["/nonexistent"]) }
        #expect(throws: StepError.self) { try GeneratorCommand.value(of: ["echo"]) }
        #expect(throws: StepError.self) { try GeneratorCommand.value(of: []) }
    }
}
