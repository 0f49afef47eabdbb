import Foundation
import ReleaseManifest
import Testing

@Suite(
    "Containers of a host",
    .serialized,
    .ownThreads,
    .enabled(if: BuiltImage.hasHostContainers, BuiltImage.noHostContainersComment)
)
struct ContainerTests {
    @Test func anAdminReadsAndChangesSettings() async throws {
        let story = try await ContainerStory.get()
        let image = try BuiltImage()
        #expect(try story.result("os").output.contains(image.release.version))
        #expect(try story.result("set").status == 0)
        #expect(try story.result("get").output.contains("from the admin container"))
        #expect(try story.result("unset").status == 0)
        #expect(!(try story.result("get-unset").output.contains("from the admin container")))
        // Without a repository in the settings it says so; what counts is that the updater was asked.
        let check = try story.result("update-check")
        #expect(!check.output.contains("connect"), "\(check.output)")
    }

    @Test func anAdminGetsIntoTheHost() async throws {
        let story = try await ContainerStory.get()
        let shell = try story.result("host-shell")
        #expect(shell.status == 0 && shell.output.contains("Version="), "\(shell.output)")
        #expect(shell.output.contains("hostd"))
        #expect(try story.result("host-journal").output.contains("settings"))
        let first = try story.result("first-process")
        #expect(first.output.hasPrefix("systemd\n"), "the host's processes are seen: \(first.output)")
        #expect(first.output.contains("VARIANT_ID="))
    }

    @Test func bothDefaultContainersRun() async throws {
        let story = try await ContainerStory.get()
        let admin = try #require(
            try ContainerStory.container("admin", in: try story.result("containers").output)
        )
        #expect(admin["state"] as? String == "running" && admin["desired"] as? String == "running")
        #expect(admin["restarts"] as? Int == 0)
        let image = try #require(admin["image"] as? [String: Any])
        #expect(image["source"] as? String == "localhost/admin")
        #expect((image["digest"] as? String)?.hasPrefix("sha256:") == true)
    }

    /// What stays for each container is small.
    @Test func aSupervisorTakesLittleMemory() async throws {
        let story = try await ContainerStory.get()
        let words = try story.result("supervisor").output.split(whereSeparator: \.isWhitespace)
        let size = try #require(words.dropFirst().first.flatMap { Int($0) }, "VmRSS: KIB kB, not \(words)")
        #expect((1...8 << 10).contains(size))
    }

    @Test func commandsRunInOtherContainers() async throws {
        let story = try await ContainerStory.get()
        let result = try story.result("exec").output
        #expect(result.contains("out\n") && result.contains("stderr:err"), "\(result)")
        #expect(result.contains("status 7"), "\(result)")
        #expect(try story.result("exec-signal").status == 128 + 15)
        #expect(try story.result("exec-input").output.contains("2"))
        let missing = try story.result("exec-missing")
        #expect(missing.status != 0 && missing.output.contains("/no/such/program"), "\(missing.output)")
        let nowhere = try story.result("exec-nowhere")
        #expect(nowhere.status != 0 && nowhere.output.contains("nobody"), "\(nowhere.output)")
        #expect(try story.result("exec-terminal").output.contains("/dev/pts/"))
        // The other container has the API, too, and nothing else of the host.
        #expect(try story.result("exec-api").output.contains("version_id"))
        let control = try story.result("control-id")
        #expect(
            !control.output.contains("000001ffffffffff") && !control.output.contains("usr"),
            "\(control.output)"
        )
    }

    @Test func containersComeFromARegistry() async throws {
        let story = try await ContainerStory.get()
        let tool = try #require(try ContainerStory.container("tool", in: try story.result("tool").output))
        #expect((tool["image"] as? [String: Any])?["digest"] as? String == story.digest)
        #expect(try story.result("tool-journal").output.contains("from the registry"))
        let text = try story.result("pulled").output
        let pinned = try #require(try ContainerStory.container("pinned", in: text))
        #expect(pinned["state"] as? String == "running")
        #expect((pinned["image"] as? [String: Any])?["digest"] as? String == story.digest)
    }

    @Test func imagesThatAreNotWhatWasAskedForAreRefused() async throws {
        let story = try await ContainerStory.get()
        let text = try story.result("pulled").output
        let wrong = try #require(
            try ContainerStory.container("wrong", in: try story.result("wrong").output)
        )
        let error = try #require(wrong["last_error"] as? String)
        #expect(wrong["state"] as? String == "failed" && wrong["desired"] as? String == "running")
        #expect(error.contains(story.wrongDigest) && error.contains(story.digest), "\(error)")
        let unknown = try #require(
            try ContainerStory.container("unknown", in: try story.result("unknown").output)
        )
        #expect((unknown["last_error"] as? String)?.contains("team/nothing") == true)
        // GET /health names them, by the keys of their settings.
        let health = try story.result("pulled-health").output
        for name in ["wrong", "unknown"] { #expect(health.contains("settings.host-containers.\(name)")) }
        #expect(!health.contains(RegistryServer.password) && !text.contains(RegistryServer.password))
    }

    @Test func theLastOfManyWishesCounts() async throws {
        let story = try await ContainerStory.get()
        let tool = try #require(try ContainerStory.container("tool", in: try story.result("hurried").output))
        #expect(tool["desired"] as? String == "stopped" && tool["state"] as? String == "stopped")
        let tasks = try story.result("hurried-tasks").output
        #expect(!tasks.split(separator: "\n").contains { $0.hasPrefix("tool") }, "\(tasks)")
        #expect(tasks.contains("admin") && tasks.contains("control"), "\(tasks)")
    }

    @Test func peopleComeInWithoutANetwork() async throws {
        let story = try await ContainerStory.get()
        #expect(story.console.contains { $0.contains(ContainerStory.serialProof) })
    }

    @Test func nothingIsLeftOfADisabledContainer() async throws {
        let story = try await ContainerStory.get()
        let report = story.leftovers
        #expect(try report.text("unit").contains("ActiveState=inactive"))
        let gone = ["admin", "tool", "pinned", "wrong", "unknown"]
        for section in ["tasks", "containers", "snapshots"] {
            let names = try report.lines(section).compactMap {
                $0.split(separator: " ").first.map(String.init)
            }
            #expect(names.contains("control"), "\(section): \(names)")
            for name in gone { #expect(!names.contains(name), "\(section): \(names)") }
        }
        let mounts = try report.text("mounts")
        #expect(mounts.contains("/run/host-containerd/io.containerd.runtime.v2.task/host/control/"))
        for name in gone { #expect(!mounts.contains("/host/\(name)/"), "\(mounts)") }
        let processes = try report.text("processes")
        for word in ["sshd", "agetty", "host-container@admin"] {
            #expect(!processes.contains(word), "\(processes)")
        }
        let admin = try #require(try ContainerStory.container("admin", in: try report.text("api")))
        #expect(admin["desired"] as? String == "stopped" && admin["state"] as? String == "stopped")
        #expect(try report.text("failed").isEmpty)
        // Secrets stay out of the journal.
        #expect(!(try report.text("journal").contains(RegistryServer.password)))
    }
}
