import OCI
import Testing

@Suite struct ImageConfigTests {
    private func digest(_ byte: UInt8) -> ContentDigest { ContentDigest(of: [byte]) }

    @Test func whatIsWrittenIsRead() throws {
        let config = ImageConfig(
            platform: Platform(architecture: "arm64", variant: "v8"),
            created: "2024-01-01T00:00:00Z",
            entrypoint: ["/usr/bin/catatonit", "--"],
            cmd: ["/bin/sh", "-c", "echo \"ü\""],
            env: ["PATH=/usr/bin"],
            user: "1000:274",
            workingDirectory: "/root",
            labels: ["b": "2", "a": "1"],
            stopSignal: "SIGINT",
            diffIDs: [digest(1), digest(2)]
        )
        #expect(try ImageConfig(json: config.json) == config)
        #expect(config.json == config.json && config.architecture == "arm64" && config.os == "linux")
        let least = ImageConfig(platform: Platform(architecture: "amd64"), diffIDs: [])
        #expect(
            String(decoding: least.json, as: UTF8.self)
                == #"{"architecture":"amd64","config":{},"os":"linux","rootfs":{"diff_ids":[],"type":"layers"}}"#
        )
    }

    @Test func whatGoWritesIsRead() throws {
        // Docker writes null for what is empty.
        let text = #"""
            {"architecture":"amd64","os":"linux","variant":"","config":{"Cmd":["/bin/sh"],"Entrypoint":null,"Env":null,
             "Labels":null,"Hostname":"","ExposedPorts":{"22/tcp":{}}},"container_config":{"Cmd":["x"]},
             "history":[{"created_by":"x"}],"rootfs":{"type":"layers","diff_ids":["\#(digest(1))"]}}
            """#
        let config = try ImageConfig(json: Array(text.utf8))
        #expect(config.cmd == ["/bin/sh"] && config.entrypoint.isEmpty && config.labels.isEmpty)
        #expect(config.platform.variant == nil && config.diffIDs == [digest(1)] && config.stopSignal == nil)
    }

    @Test(arguments: [
        #"{}"#, #"{"architecture":"amd64","os":"linux"}"#,
        #"{"architecture":"amd64","os":"linux","rootfs":{"type":"other","diff_ids":[]}}"#,
        #"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["sha256:1"]}}"#,
        #"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[1]}}"#,
        #"{"architecture":1,"os":"linux","rootfs":{"type":"layers"}}"#,
        #"{"architecture":"amd64","os":"linux","config":{"Env":"x"},"rootfs":{"type":"layers"}}"#,
        #"{"architecture":"amd64","os":"linux","config":[],"rootfs":{"type":"layers"}}"#,
    ])
    func whatIsNone(_ text: String) {
        #expect(throws: OCIError.self) { try ImageConfig(json: Array(text.utf8)) }
    }

    /// The chain of python3: h = lambda a, b: "sha256:" + sha256(f"{a} {b}".encode()).hexdigest().
    @Test func chains() {
        let config = ImageConfig(
            platform: .current,
            diffIDs: [digest(1), digest(2), digest(3)]
        )
        let names = config.chainIDs.map(\.description)
        #expect(names.count == 3 && names[0] == digest(1).description)
        #expect(names[1] == "sha256:1f948c8bb830505362401f7f8bb91fbb9a46ea20fe54f20d8a132749afef5ffa")
        #expect(names[2] == "sha256:6631dba529fec0113c986a96411ffad8e4170230a235cd4503bfd15d1ccab427")
    }
}
