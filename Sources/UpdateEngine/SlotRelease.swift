public import Hashing
public import Verity

/// A release as a slot needs to know it, from signed metadata.
public struct SlotRelease: Sendable {
    /// The partitions' label: `<variant>_<version>`.
    public let label: String
    /// The root hash of its root file system.
    public let rootHash: SHA256Digest
    /// Salt, UUID and number of blocks of its hash tree.
    public let parameters: VerityParameters

    /// A release from its parts.
    public init(label: String, rootHash: SHA256Digest, parameters: VerityParameters) {
        self.label = label
        self.rootHash = rootHash
        self.parameters = parameters
    }

    /// Bytes of the root file system.
    var rootSize: UInt64 { VerityLayout(parameters).dataByteCount }
}
