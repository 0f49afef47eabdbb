public import BootEntries
public import Hashing

/// A release as a repository offers it: what a host must know to choose.
public struct Candidate: Sendable, Equatable {
    /// The variant that it is a release of.
    public var variant: String
    /// The Debian name of its architecture.
    public var architecture: String
    /// Its version, ordered as the boot loader orders it: what is called newer here is what boots there.
    public var version: UAPIVersion
    /// The root hash of its root file system, which names the bytes that this version stands for.
    public var rootHash: SHA256Digest
    /// Who may take it when.
    public var waves: WaveTable
    /// The newest version that is offered; a release above it is not taken, and hosts that run one say so.
    public var maxVersion: UAPIVersion?
    /// Whether it was withdrawn: nobody takes it, and hosts that run it say so.
    public var isWithdrawn: Bool

    /// States a release.
    public init(
        variant: String,
        architecture: String,
        version: UAPIVersion,
        rootHash: SHA256Digest,
        waves: WaveTable = .open,
        maxVersion: UAPIVersion? = nil,
        isWithdrawn: Bool = false
    ) {
        self.variant = variant
        self.architecture = architecture
        self.version = version
        self.rootHash = rootHash
        self.waves = waves
        self.maxVersion = maxVersion
        self.isWithdrawn = isWithdrawn
    }

    /// Whether nobody shall run it: it was withdrawn, or is above what is offered.
    public var isRecalled: Bool { isWithdrawn || maxVersion.map { version > $0 } ?? false }
}
