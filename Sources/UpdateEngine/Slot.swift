public import GPT
public import Hashing

/// One of the two places on the disk that hold a release: a root partition and its hash tree's.
public struct Slot: Sendable, Equatable {
    /// The partition of the root file system.
    public let root: Partition
    /// The partition of the hash tree.
    public let verity: Partition

    /// The label of a partition whose content counts for nothing.
    public static let emptyLabel = "_empty"

    /// The release that the labels name, `<variant>_<version>`; nil for an empty slot.
    public var release: String? {
        root.label == verity.label && root.label != Self.emptyLabel ? root.label : nil
    }

    /// The root hash whose halves the PARTUUIDs are; nil for an empty slot.
    ///
    /// It says what was installed, not what the partitions hold: only the hash tree proves that.
    public var rootHash: SHA256Digest? {
        release == nil ? nil : SHA256Digest(bytes: root.guid.uuidBytes + verity.guid.uuidBytes)
    }

    /// The PARTUUIDs of a slot with a root hash: its halves (Discoverable Partitions Specification).
    static func identifiers(for rootHash: SHA256Digest) -> (root: GUID, verity: GUID) {
        let bytes = rootHash.bytes
        return (GUID(uuidBytes: bytes[..<16]) ?? .zero, GUID(uuidBytes: bytes[16...]) ?? .zero)
    }

    /// The PARTUUID of an empty partition: the same at every try, and no other partition's.
    ///
    /// A UUID of version 8 (RFC 9562, section 5.8) from the disk's identifier and the partition's number.
    static func emptyIdentifier(disk: GUID, number: Int) -> GUID {
        var bytes = Array(SHA256Digest(hashing: "bulkhead empty \(disk) \(number)").bytes.prefix(16))
        bytes[6] = bytes[6] & 0x0f | 0x80
        bytes[8] = bytes[8] & 0x3f | 0x80
        return GUID(uuidBytes: bytes) ?? .zero
    }

    /// The slot with other labels and identifiers.
    func labelled(_ label: String, _ identifiers: (root: GUID, verity: GUID)) -> Slot {
        var root = root
        var verity = verity
        root.label = label
        root.guid = identifiers.root
        verity.label = label
        verity.guid = identifiers.verity
        // What repart gave the empty slot is kept, but a slot is never written through a mount.
        root.attributes.insert(.readOnly)
        verity.attributes.insert(.readOnly)
        return Slot(root: root, verity: verity)
    }
}
