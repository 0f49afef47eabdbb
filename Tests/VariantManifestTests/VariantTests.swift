import Foundation
import TestSupport
import Testing

@testable import VariantManifest

@Suite("Variants that load")
struct VariantTests {
    @Test("Every key of the schema reaches the typed value")
    func everyKey() throws {
        let text = """
            overlays = ["image/rootfs", "image/more"]
            [packages]
            include = ["systemd", "udev"]
            drop = ["initramfs-tools"]
            [kernel]
            package = "linux-image-generic"
            command-line = ["console=ttyS0", 'dyndbg="file drivers/* +p"']
            modules = ["**"]
            drop-modules = ["drivers/gpu/**"]
            [initrd]
            modules = ["virtio_blk", "dm-verity"]
            files = ["/usr/lib/systemd/systemd", "/usr/lib/udev/rules.d/*.rules"]
            overlays = ["image/initrd"]
            [image]
            formats = ["raw", "qcow2", "vmdk"]
            sector-size = 4096
            [layout]
            esp-size = "512MiB"
            root-size = "4GiB"
            verity-size = "64MiB"
            state-size = "128MiB"
            [erofs]
            compression = "lz4hc"
            compression-level = 9
            cluster-size = 16384
            [filter]
            remove = ["/usr/share/doc/**"]
            keep = ["/usr/share/doc/keep"]
            [audit]
            allow = [{ path = "/usr/bin/x", reason = "needed" }]
            [alternatives]
            "/usr/sbin/iptables" = "/usr/sbin/iptables-nft"
            "/usr/bin/awk" = "/usr/bin/mawk"
            [settings]
            features = ["motd", "ntp"]
            [updates]
            root = "keys/1.root.json"
            [units]
            enable = ["containerd.service"]
            disable = ["apt-daily.timer"]
            mask = ["ldconfig.service"]
            default-target = "bulkhead.target"
            [arch.amd64]
            packages = ["grub-x"]
            drop = ["other"]
            kernel-package = "linux-image-cloud-amd64"
            command-line = ["console=tty0"]
            initrd-modules = ["ahci"]
            [arch.arm64]
            packages = ["only-arm"]
            """
        let folders = ["image/rootfs", "image/more", "image/initrd"]
        let variant = try Repository.variant(text, folders: folders).load()
        #expect(variant.name == "v")
        #expect(variant.directory == "variants/v")
        #expect(variant.version == "0.1.0")
        #expect(variant.architectures == [.amd64])
        let value = try variant.resolved(for: .amd64)
        #expect(value.packages.map(\.name) == ["systemd", "udev", "grub-x"])
        #expect(value.packages[2].origin == SourceLocation(file: "variants/v/variant.toml", line: 47))
        #expect(value.requestedPackages.last?.name == "linux-image-cloud-amd64")
        #expect(value.droppedPackages.map(\.name) == ["initramfs-tools", "other"])
        #expect(value.overlays == ["image/rootfs", "image/more"])
        #expect(value.kernel.package.name == "linux-image-cloud-amd64")
        #expect(
            value.kernel.commandLine == ["console=ttyS0", "dyndbg=\"file drivers/* +p\"", "console=tty0"]
        )
        #expect(value.kernel.modules == ["**"])
        #expect(value.kernel.dropModules == ["drivers/gpu/**"])
        #expect(value.initrd.modules == ["virtio_blk", "dm-verity", "ahci"])
        #expect(value.initrd.files == ["/usr/lib/systemd/systemd", "/usr/lib/udev/rules.d/*.rules"])
        #expect(value.initrd.overlays == ["image/initrd"])
        #expect(value.image.formats == [.raw, .qcow2, .vmdk])
        #expect(value.image.sectorSize == 4096)
        #expect(value.layout.espSize == 512 << 20)
        #expect(value.layout.rootSize == 4 << 30)
        #expect(value.layout.veritySize == 64 << 20)
        #expect(value.layout.stateSize == 128 << 20)
        #expect(value.erofs.compression == .lz4hc)
        #expect(value.erofs.level == 9)
        #expect(value.erofs.clusterSize == 16384)
        #expect(value.filter.remove == ["/usr/share/doc/**"])
        #expect(value.filter.keep == ["/usr/share/doc/keep"])
        #expect(value.auditExceptions == [AuditException(path: "/usr/bin/x", reason: "needed")])
        #expect(
            value.alternatives == [
                AlternativeLink(link: "/usr/bin/awk", target: "/usr/bin/mawk"),
                AlternativeLink(link: "/usr/sbin/iptables", target: "/usr/sbin/iptables-nft"),
            ]
        )
        #expect(value.features == ["motd", "ntp"])
        #expect(value.updateRoot == "keys/1.root.json")
        #expect(value.units.enable == ["containerd.service"])
        #expect(value.units.disable == ["apt-daily.timer"])
        #expect(value.units.mask == ["ldconfig.service"])
        #expect(value.units.defaultTarget == "bulkhead.target")
    }

    @Test("A manifest with nothing but what it must say gets the defaults")
    func defaults() throws {
        let variant = try Repository.variant("kernel.package = \"linux-image-amd64\"\n").load()
        let value = try variant.resolved(for: .amd64)
        #expect(value.image.formats == [.raw])
        #expect(value.image.sectorSize == 512)
        #expect(value.kernel.modules == ["**"])
        #expect(value.layout == Layout())
        #expect(value.updateRoot == nil)
        #expect(value.erofs == ErofsOptions())
        #expect(value.units.defaultTarget == "multi-user.target")
        #expect(throws: ManifestError.unknownArchitecture(name: "arm64", variant: "v", known: [.amd64])) {
            try variant.resolved(for: .arm64)
        }
    }

    @Test("Fragments merge depth-first, each once, and their extender's scalars win")
    func merging() throws {
        let repository = try Repository(
            [
                "variants/v/variant.toml": Repository.head
                    + """
                    extends = ["first", "second"]
                    overlays = ["o/v"]
                    [units]
                    default-target = "v.target"
                    """,
                "variants/fragments/first.toml": """
                extends = ["base"]
                overlays = ["o/first"]
                [packages]
                include = ["one"]
                [layout]
                state-size = "512MiB"
                """,
                "variants/fragments/second.toml": """
                extends = ["base"]
                [packages]
                include = ["two"]
                [units]
                default-target = "second.target"
                """,
                "variants/fragments/base.toml": """
                overlays = ["o/base"]
                kernel.package = "linux-image-amd64"
                [packages]
                include = ["zero"]
                [layout]
                state-size = "64MiB"
                [units]
                default-target = "base.target"
                """,
            ],
            folders: ["o/v", "o/first", "o/base"]
        )
        let value = try repository.load().resolved(for: .amd64)
        #expect(value.packages.map(\.name) == ["zero", "one", "two"])
        #expect(value.packages[0].origin.description == "variants/fragments/base.toml:4")
        #expect(value.overlays == ["o/base", "o/first", "o/v"])
        #expect(value.units.defaultTarget == "v.target")
        // `second` only takes over what `first` changes.
        #expect(value.layout.stateSize == 512 << 20)
        #expect(
            value.sources.map(\.path) == [
                "variants/fragments/base.toml", "variants/fragments/first.toml",
                "variants/fragments/second.toml", "variants/v/variant.toml",
            ]
        )
    }

    @Test("A kernel of the architecture beats the general one of the same file, not that of an extender")
    func architecturePrecedence() throws {
        let fragment = """
            [kernel]
            package = "general"
            [arch.amd64]
            kernel-package = "special"
            """
        var files = ["variants/fragments/f.toml": fragment]
        files["variants/v/variant.toml"] = Repository.head + "extends = [\"f\"]\n"
        #expect(try Repository(files).load().resolved(for: .amd64).kernel.package.name == "special")
        files["variants/v/variant.toml"]? += "kernel.package = \"mine\"\n"
        #expect(try Repository(files).load().resolved(for: .amd64).kernel.package.name == "mine")
    }

    @Test("Variants are listed by name, fragments and strangers are not")
    func listing() throws {
        let repository = try Repository(
            [
                "variants/vm-b/variant.toml": "", "variants/vm-a/variant.toml": "",
                "variants/notes.txt": "", "variants/fragments/variant.toml": "",
            ],
            folders: ["variants/empty"]
        )
        #expect(try Variant.list(repository: repository.root) == ["vm-a", "vm-b"])
        #expect(throws: ManifestError.self) { try Variant.list(repository: repository.root + "/none") }
        let error = #expect(throws: ManifestError.self) { try repository.load("vm-x") }
        #expect(error?.description.contains("did you mean 'vm-a'?") == true)
        #expect(throws: ManifestError.unknownVariant(name: "../x", known: ["vm-a", "vm-b"])) {
            try repository.load("../x")
        }
    }

    @Test("A build's version must fit into names and labels")
    func versions() throws {
        let variant = try Repository.variant("kernel.package = \"linux-image-amd64\"\n").load()
        for good in ["1", "0.1.0", "1.2~rc1^git-3", String(repeating: "1", count: 34)] {
            try variant.checkVersion(good)
        }
        for bad in ["", ".1", "-1", "1_2", "1/2", "1+3", "1 2", "é", String(repeating: "1", count: 35)] {
            #expect(throws: ManifestError.self) { try variant.checkVersion(bad) }
        }
    }

    @Test("The same files give the same value, other bytes another source digest")
    func sources() throws {
        let text = "kernel.package = \"linux-image-amd64\"\n"
        let one = try Repository.variant(text).load()
        #expect(try one == Repository.variant(text).load())
        #expect(try one.sources != Repository.variant(text + "# more\n").load().sources)
    }
}

@Suite("The variants of this repository")
struct OwnVariantTests {
    /// Linux looks at the backup of a torn partition table only with this word (docs/decisions, DESIGN.md law 4).
    @Test func everyCommandLineLetsTheBackupTableCount() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().path
        let names = try Variant.list(repository: root)
        #expect(!names.isEmpty)
        for name in names {
            let variant = try Variant.load(name, repository: root)
            for architecture in variant.architectures {
                let words = try variant.resolved(for: architecture).kernel.commandLine
                #expect(words.contains("gpt"), "\(name) \(architecture)")
            }
        }
    }
}
