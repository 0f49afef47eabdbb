import GPT
import Hashing

/// Identifiers of an image, derived from its names so that equal inputs give equal bytes.
struct DerivedIdentity: Sendable {
    let variant: String
    let architecture: String
    let version: String

    /// The salt of the verity tree: the same for all versions of a variant, so that an unchanged block keeps its
    /// hash and updates can find it (DESIGN.md, section 3).
    var veritySalt: [UInt8] { Self.digest("verity salt", variant, architecture).bytes }

    /// The UUID in the verity superblock, the same for all versions.
    var verityUUID: GUID { Self.uuid("verity", variant, architecture) }

    /// The UUID of the EROFS superblock, the same for all versions.
    var erofsUUID: GUID { Self.uuid("erofs", variant, architecture) }

    /// The disk's identifier.
    var diskGUID: GUID { Self.uuid("disk", variant, architecture, version) }

    /// The identifier of the EFI system partition.
    var espGUID: GUID { Self.uuid("esp", variant, architecture, version) }

    /// The volume id of the ESP's file system.
    var espVolumeID: UInt32 {
        Self.digest("esp volume", variant, architecture, version).bytes.prefix(4).reduce(0) {
            $0 << 8 | UInt32($1)
        }
    }

    /// The identifiers of a slot's two partitions: the halves of the root hash (DPS).
    static func slotGUIDs(rootHash: SHA256Digest) -> (root: GUID, verity: GUID) {
        let bytes = rootHash.bytes
        return (GUID(uuidBytes: bytes[..<16]) ?? .zero, GUID(uuidBytes: bytes[16...]) ?? .zero)
    }

    /// What slots, boot entries and build folders are called after the variant and its version.
    var releaseName: String { "\(variant)_\(version)" }

    private static func digest(_ parts: String...) -> SHA256Digest { digest(parts) }

    private static func digest(_ parts: [String]) -> SHA256Digest {
        SHA256Digest(hashing: (["bulkhead"] + parts).map { "\($0.utf8.count):\($0)" }.joined())
    }

    /// A UUID of version 8 (RFC 9562, section 5.8) from the first bits of a SHA-256.
    private static func uuid(_ parts: String...) -> GUID {
        var bytes = Array(digest(parts).bytes.prefix(16))
        bytes[6] = bytes[6] & 0x0f | 0x80
        bytes[8] = bytes[8] & 0x3f | 0x80
        return GUID(uuidBytes: bytes) ?? .zero
    }
}
