import OCI
import Testing

@Suite struct DocumentTests {
    private static let digest = "sha256:" + String(repeating: "ab", count: 32)

    private func descriptor(_ type: String, size: String = "7", more: String = "") -> String {
        #"{"mediaType":"\#(type)","digest":"\#(Self.digest)","size":\#(size)\#(more)}"#
    }

    private func manifest(config: String? = nil, layers: String = "", more: String = "") -> [UInt8] {
        let config = config ?? descriptor(MediaType.configuration)
        return Array(#"{"schemaVersion":2,"config":\#(config),"layers":[\#(layers)]\#(more)}"#.utf8)
    }

    @Test func manifestsAreReadAndWritten() throws {
        let layer = descriptor("\(MediaType.layer)+gzip", more: #","annotations":{"a":"b"}"#)
        let read = try ImageManifest(json: manifest(layers: "\(layer),\(layer)"))
        #expect(read.mediaType == MediaType.manifest && read.layers.count == 2)
        #expect(read.layers[0].annotations == ["a": "b"] && read.layers[0].size == 7)
        #expect(try ImageManifest(json: read.json) == read)
        #expect(String(decoding: read.json, as: UTF8.self).hasPrefix(#"{"config":{"digest":"sha256:abab"#))
        // The layers have one digest, and the configuration has it as well.
        #expect(read.contentSize == 7)
        let docker = try ImageManifest(
            json: manifest(config: descriptor("application/vnd.docker.container.image.v1+json"))
        )
        #expect(MediaType.isManifest(docker.mediaType) && docker.mediaType != MediaType.manifest)
    }

    @Test(arguments: [
        #"{}"#, #"[]"#, #"{"schemaVersion":1}"#, #"{"schemaVersion":2,"config":{},"layers":[]}"#, "{", "",
    ])
    func whatIsNoManifest(_ text: String) {
        #expect(throws: OCIError.self) { try ImageManifest(json: Array(text.utf8)) }
    }

    @Test func whatIsNoContainerImageIsRefused() throws {
        func isRefused(_ bytes: [UInt8]) -> Bool {
            do {
                _ = try ImageManifest(json: bytes)
                return false
            } catch { return true }
        }
        #expect(isRefused(manifest(config: descriptor("application/vnd.cncf.helm.config.v1+json"))))
        #expect(
            isRefused(manifest(layers: descriptor("application/vnd.oci.image.layer.nondistributable.v1.tar")))
        )
        #expect(isRefused(manifest(layers: descriptor(MediaType.layer, size: "-1"))))
        #expect(isRefused(manifest(layers: descriptor(MediaType.layer, size: "1.5"))))
        #expect(isRefused(manifest(layers: descriptor(MediaType.layer, size: "99999999999999999999"))))
        // Two kinds at once (CVE-2021-41190).
        #expect(isRefused(manifest(more: #","manifests":[]"#)))
        #expect(isRefused(manifest(more: #","mediaType":"\#(MediaType.index)""#)))
        let layers = Array(repeating: descriptor(MediaType.layer), count: 501).joined(separator: ",")
        #expect(isRefused(manifest(layers: layers)))
        #expect(isRefused(manifest() + [UInt8](repeating: 0x20, count: 4 << 20)))
        #expect(!isRefused(manifest()))
        // No sum that a number cannot hold.
        let most = "9223372036854775807"
        let other =
            #"{"mediaType":"\#(MediaType.layer)","digest":"\#(Self.digest.replacing("ab", with: "cd"))","size":\#(most)}"#
        let huge = try ImageManifest(
            json: manifest(config: descriptor(MediaType.configuration, size: most), layers: other)
        )
        #expect(huge.contentSize == nil)
    }

    @Test func aPlatformIsChosen() throws {
        func entry(_ os: String, _ architecture: String, _ number: Int64, _ variant: String? = nil)
            -> Descriptor
        {
            Descriptor(
                mediaType: MediaType.manifest,
                digest: ContentDigest(of: [UInt8(number)]),
                size: number,
                platform: Platform(os: os, architecture: architecture, variant: variant)
            )
        }
        let index = ImageIndex(manifests: [
            entry("unknown", "unknown", 1), entry("windows", "amd64", 2), entry("linux", "arm", 3, "v7"),
            entry("linux", "amd64", 4, "v3"), entry("linux", "amd64", 5), entry("linux", "arm64", 6, "v8"),
        ])
        #expect(index.manifest(for: Platform(architecture: "amd64"))?.size == 5)
        #expect(index.manifest(for: Platform(architecture: "arm64", variant: "v8"))?.size == 6)
        #expect(index.manifest(for: Platform(architecture: "arm64"))?.size == 6)
        #expect(index.manifest(for: Platform(architecture: "riscv64")) == nil)
        #expect(index.platforms.map(\.description).contains("linux/arm/v7") && index.platforms.count == 5)
        #expect(try ImageIndex(json: index.json) == index)
        var alone = entry("linux", "s390x", 7)
        #expect(ImageIndex(manifests: [alone]).manifest(for: .current) == nil)
        alone.platform = nil
        #expect(ImageIndex(manifests: [alone]).manifest(for: .current) == alone)
        #expect(ImageIndex(manifests: [alone, alone]).manifest(for: .current) == nil)
        #expect(throws: OCIError.self) {
            try ImageIndex(json: Array(#"{"schemaVersion":2,"manifests":[],"layers":[]}"#.utf8))
        }
    }

    @Test func aDocumentIsWhatItSays() throws {
        let index = ImageIndex(manifests: []).json
        #expect(
            try ImageDocument(json: index, mediaType: MediaType.manifest) == .index(ImageIndex(json: index))
        )
        let bytes = manifest()
        #expect(try ImageDocument(json: bytes, mediaType: nil) == .manifest(ImageManifest(json: bytes)))
        #expect(throws: OCIError.self) { try ImageDocument(json: bytes, mediaType: MediaType.index) }
        #expect(throws: OCIError.self) {
            try ImageDocument(
                json: Array(#"{"mediaType":"text/html","schemaVersion":2}"#.utf8),
                mediaType: nil
            )
        }
    }

    @Test func theMarkerOfALayout() throws {
        try ImageLayout.check(marker: ImageLayout.marker)
        for text in ["", "{}", #"{"imageLayoutVersion":"2.0.0"}"#] {
            #expect(throws: OCIError.self) { try ImageLayout.check(marker: Array(text.utf8)) }
        }
    }
}
