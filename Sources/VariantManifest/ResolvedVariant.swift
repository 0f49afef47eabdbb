public import Hashing

/// A file that took part in a variant.
public struct VariantSource: Sendable, Hashable, Codable {
    /// The file, relative to the repository's root.
    public let path: String
    /// The digest of the bytes that were read.
    public let sha256: SHA256Digest
}

/// A package that a manifest names, and where it does.
public struct RequestedPackage: Sendable, Hashable, Codable {
    /// The Debian name.
    public let name: String
    /// The line that asks for it.
    public let origin: SourceLocation
}

/// A file that may stay in the image although the audit forbids its like.
public struct AuditException: Sendable, Hashable, Codable {
    /// The absolute path, or a pattern of such.
    public let path: String
    /// Why it may stay; for the report.
    public let reason: String
}

/// A symbolic link that a maintainer script would have made.
public struct AlternativeLink: Sendable, Hashable, Codable {
    /// The absolute path of the link.
    public let link: String
    /// The absolute path it points to.
    public let target: String
}

/// A disk image format to write.
public enum ImageFormat: String, Sendable, Hashable, CaseIterable, Codable {
    /// The plain bytes of the disk.
    case raw
    /// QEMU copy-on-write 2.
    case qcow2
    /// VMware stream-optimised disk.
    case vmdk
}

/// Sizes of the partitions, in bytes; all are multiples of 1 MiB.
public struct Layout: Sendable, Hashable, Codable {
    /// The EFI system partition.
    public var espSize: UInt64 = 1 << 30
    /// The root file system of a slot.
    public var rootSize: UInt64 = 2 << 30
    /// The hash tree of a slot.
    public var veritySize: UInt64 = 32 << 20
    /// The partition for settings and update state.
    public var stateSize: UInt64 = 256 << 20

    /// The sizes of DESIGN.md section 4.
    public init() {}

    // FAT32 with clusters of 4 KiB needs at least 65525 of them, which is 256 MiB.
    static let espSizeLimits: ClosedRange<UInt64> = (260 << 20)...(16 << 30)
    static let rootSizeLimits: ClosedRange<UInt64> = (64 << 20)...(64 << 30)
    static let veritySizeLimits: ClosedRange<UInt64> = (1 << 20)...(1 << 30)
    static let stateSizeLimits: ClosedRange<UInt64> = (16 << 20)...(64 << 30)

    /// The bytes that a verity superblock and the SHA-256 tree over a root of a size take, with blocks of 4096.
    static func verityBytes(forRoot size: UInt64) -> UInt64 {
        var blocks = size.dividedRoundingUp(by: 4096)
        var total: UInt64 = 1
        while blocks > 1 {
            blocks = blocks.dividedRoundingUp(by: 128)
            total += blocks
        }
        return total * 4096
    }
}

extension UInt64 {
    /// The quotient, rounded up.
    fileprivate func dividedRoundingUp(by divisor: UInt64) -> UInt64 {
        self / divisor + (self % divisor == 0 ? 0 : 1)
    }
}

/// How the root file system is written.
public struct ErofsOptions: Sendable, Hashable, Codable {
    /// The compression of EROFS, by the names mkfs.erofs knows.
    public enum Compression: String, Sendable, Hashable, CaseIterable, Codable {
        /// No compression.
        case none
        /// LZ4 in its high-compression mode.
        case lz4hc
        /// Zstandard.
        case zstd

        /// The levels mkfs.erofs takes; nil where there are none.
        var levels: ClosedRange<Int>? {
            switch self {
            case .none: return nil
            case .lz4hc: return 0...12
            case .zstd: return 0...22
            }
        }
    }

    /// The compression.
    public var compression: Compression = .lz4hc
    /// The level; nil is mkfs.erofs's own default.
    public var level: Int?
    /// The largest physical cluster, in bytes.
    public var clusterSize: Int = 65536

    /// LZ4 at the default level with clusters of 64 KiB (docs/decisions/0002-erofs-lz4hc-64k.md).
    public init() {}
}

/// Everything a manifest says for one architecture, with all fragments merged in and defaults set.
///
/// Lists are in the order of the files (what is extended first, depth-first), then of the lines.
public struct ResolvedVariant: Sendable, Hashable, Codable {
    /// The kernel and what of it enters the image.
    public struct Kernel: Sendable, Hashable, Codable {
        /// The package with the kernel.
        public let package: RequestedPackage
        /// Arguments of the command line, in order.
        public let commandLine: [String]
        /// Patterns, relative to `/usr/lib/modules/VERSION/kernel`, of the modules that stay; everything by default.
        public let modules: [String]
        /// Patterns, relative likewise, of modules to drop out of those.
        public let dropModules: [String]
    }

    /// What goes into the initrd.
    public struct Initrd: Sendable, Hashable, Codable {
        /// Names of kernel modules; what they depend on follows.
        public let modules: [String]
        /// Absolute paths or patterns of files of the root tree; libraries they need follow.
        public let files: [String]
        /// Folders relative to the repository's root, later ones win.
        public let overlays: [String]
    }

    /// The disk image.
    public struct Image: Sendable, Hashable, Codable {
        /// The formats to write.
        public let formats: [ImageFormat]
        /// Bytes a sector, 512 or 4096.
        public let sectorSize: Int
    }

    /// What is taken out of the file tree.
    public struct Filter: Sendable, Hashable, Codable {
        /// Absolute patterns of what goes.
        public let remove: [String]
        /// Absolute patterns of what stays even so.
        public let keep: [String]
    }

    /// What systemd starts.
    public struct Units: Sendable, Hashable, Codable {
        /// Units enabled by preset.
        public let enable: [String]
        /// Units disabled by preset.
        public let disable: [String]
        /// Units masked.
        public let mask: [String]
        /// The target of a normal boot.
        public let defaultTarget: String
    }

    /// The variant's name.
    public let name: String
    /// One line for people.
    public let description: String
    /// The version of a build that names none.
    public let version: String
    /// The architecture all this is for.
    public let architecture: Architecture
    /// The packages asked for, without the kernel's.
    public let packages: [RequestedPackage]
    /// Packages that are resolved as dependencies, but bring no file into the image.
    public let droppedPackages: [RequestedPackage]
    /// Folders laid over the tree, relative to the repository's root; later ones win.
    public let overlays: [String]
    /// Containers of `image/containers` that are embedded in the image, by name.
    public let containers: [String]
    /// The kernel.
    public let kernel: Kernel
    /// The initrd.
    public let initrd: Initrd
    /// The disk image.
    public let image: Image
    /// The partitions' sizes.
    public let layout: Layout
    /// How the root file system is written.
    public let erofs: ErofsOptions
    /// What is taken out of the file tree.
    public let filter: Filter
    /// Files the audit lets pass.
    public let auditExceptions: [AuditException]
    /// Links that maintainer scripts would have made, sorted by link.
    public let alternatives: [AlternativeLink]
    /// Features of `image/features`, by name: what joins settings with files and services.
    public let features: [String]
    /// The TUF root metadata that hosts trust updates by, a file relative to the repository's root; nil where only the
    /// command line may name one.
    public let updateRoot: String?
    /// What systemd starts.
    public let units: Units
    /// The files all this was read from, what is extended first.
    public let sources: [VariantSource]

    /// All packages to resolve: those asked for and the kernel's.
    public var requestedPackages: [RequestedPackage] { packages + [kernel.package] }
}
