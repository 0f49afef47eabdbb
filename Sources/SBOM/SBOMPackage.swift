public import Hashing

/// A package or program that the bill of materials names.
public struct SBOMPackage: Sendable, Hashable {
    /// What a package has to do with the image.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// A Debian package with files in the image.
        case imagePackage
        /// A Debian package that only took part in the build.
        case buildTool
        /// A program of Bulkhead's own in the image.
        case ownProgram
        /// A library in the image that the compiler brought, and that the own programs need.
        case runtimeLibrary
        /// A Swift package whose code is inside of the own programs; its `homepage` is where it was fetched from.
        case linkedPackage
    }

    /// What it has to do with the image.
    public var kind: Kind
    /// The name.
    public var name: String
    /// The full version, with epoch and revision.
    public var version: String
    /// The Debian name of the architecture, or `all`.
    public var architecture: String
    /// The source package's name; nil if there is none.
    public var sourceName: String?
    /// The source package's version; nil means the package's own.
    public var sourceVersion: String?
    /// The suite it was taken from, such as `trixie-security`; nil for own programs.
    public var archive: String?
    /// The file's name; folders in front are left out.
    public var filename: String?
    /// The digest of the file.
    public var sha256: SHA256Digest?
    /// Bytes of the file.
    public var size: UInt64?
    /// Who supplies it, as in `Maintainer:`: `Name <address>`.
    public var maintainer: String?
    /// The project's page, as in `Homepage:`.
    public var homepage: String?
    /// The bytes of `/usr/share/doc/NAME/copyright`, if there is one.
    public var copyright: [UInt8]?
    /// The container inside of the image that has it; nil for the image itself.
    public var container: String?
    /// The declared licence as an SPDX expression, where no copyright file says it.
    public var license: String?

    /// States a package.
    public init(
        kind: Kind,
        name: String,
        version: String,
        architecture: String,
        sourceName: String? = nil,
        sourceVersion: String? = nil,
        archive: String? = nil,
        filename: String? = nil,
        sha256: SHA256Digest? = nil,
        size: UInt64? = nil,
        maintainer: String? = nil,
        homepage: String? = nil,
        copyright: [UInt8]? = nil,
        container: String? = nil,
        license: String? = nil
    ) {
        self.kind = kind
        self.name = name
        self.version = version
        self.architecture = architecture
        self.sourceName = sourceName
        self.sourceVersion = sourceVersion
        self.archive = archive
        self.filename = filename
        self.sha256 = sha256
        self.size = size
        self.maintainer = maintainer
        self.homepage = homepage
        self.copyright = copyright
        self.container = container
        self.license = license
    }
}

/// The facts of the image that the bill of materials is for.
public struct SBOMImage: Sendable, Hashable {
    /// What an image is, and the digest by which it is known.
    public enum Identity: Sendable, Hashable {
        /// An operating system, by the dm-verity root hash of its root file system.
        case operatingSystem(rootHash: SHA256Digest)
        /// A container, by the digest of its OCI manifest.
        case container(manifest: SHA256Digest)
    }

    /// The image's name, such as the variant's and the architecture.
    public var name: String
    /// The image's version.
    public var version: String
    /// The Debian release that packages are from, such as `trixie`.
    public var distribution: String
    /// What the image is, and the digest by which it is known.
    public var identity: Identity
    /// `SOURCE_DATE_EPOCH`, in seconds since 1970.
    public var sourceDateEpoch: UInt64
    /// The version of the tool that writes the document.
    public var toolVersion: String

    /// States an image's facts.
    public init(
        name: String,
        version: String,
        distribution: String,
        identity: Identity,
        sourceDateEpoch: UInt64,
        toolVersion: String
    ) {
        self.name = name
        self.version = version
        self.distribution = distribution
        self.identity = identity
        self.sourceDateEpoch = sourceDateEpoch
        self.toolVersion = toolVersion
    }
}
