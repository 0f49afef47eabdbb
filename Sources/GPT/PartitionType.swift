/// What a partition is for: a type identifier, by name where the Discoverable Partitions Specification has one.
///
/// https://uapi-group.org/specifications/specs/discoverable_partitions_specification/
public struct PartitionType: Sendable, Hashable, CustomStringConvertible {
    /// The identifier in the partition entry.
    public let guid: GUID

    /// A type by its identifier, known or not.
    public init(_ guid: GUID) { self.guid = guid }

    /// A type by its name in systemd (`esp`, `root-x86-64-verity` ...); nil for an unknown name.
    public init?(name: String) {
        guard let known = Self.known.first(where: { $0.name == name }) else { return nil }
        self = known.type
    }

    /// The type's name as `systemd-repart` and `systemd-id128` write it; nil if it is not a known one.
    public var name: String? { Self.known.first { $0.type == self }?.name }

    /// The name, or the identifier where there is none.
    public var description: String { name ?? guid.description }

    private init(_ high: UInt64, _ low: UInt64) { guid = GUID(high: high, low: low) }
}

extension PartitionType: Codable {
    /// Decodes the identifier's text form.
    public init(from decoder: any Decoder) throws { guid = try GUID(from: decoder) }

    /// Encodes the identifier's text form.
    public func encode(to encoder: any Encoder) throws { try guid.encode(to: encoder) }
}

extension PartitionType {
    /// A processor architecture with partition types of its own, by its Debian name.
    public enum Architecture: String, Sendable, CaseIterable {
        /// 64-bit x86; `x86-64` in type names.
        case amd64
        /// 64-bit ARM.
        case arm64
    }

    /// The EFI system partition.
    public static let esp = PartitionType(0xc12a_7328_f81f_11d2, 0xba4b_00a0_c93e_c93b)
    /// The extended boot loader partition.
    public static let extendedBootLoader = PartitionType(0xbc13_c2ff_59e6_4262, 0xa352_b275_fd6f_7172)
    /// The partition in which GRUB keeps its core image on BIOS machines.
    public static let biosBoot = PartitionType(0x2168_6148_6449_6e6f, 0x744e_6565_6445_4649)
    /// Swap space.
    public static let swap = PartitionType(0x0657_fd6d_a4ab_43c4, 0x84e5_0933_c84b_4f4f)
    /// `/home`.
    public static let home = PartitionType(0x933a_c7e1_2eb4_4f13, 0xb844_0e14_e2ae_f915)
    /// `/srv`.
    public static let serverData = PartitionType(0x3b8f_8425_20e0_4f3b, 0x907f_1a25_a76f_98e8)
    /// `/var`.
    public static let variableData = PartitionType(0x4d21_b016_b534_45c2, 0xa9fb_5c16_e091_fd2d)
    /// `/var/tmp`.
    public static let temporaryData = PartitionType(0x7ec6_f557_3bc5_4aca, 0xb293_16ef_5df6_39d1)
    /// Linux data that nothing mounts by itself.
    public static let linuxGeneric = PartitionType(0x0fc6_3daf_8483_4772, 0x8e79_3d69_d847_7de4)

    /// The root file system.
    public static func root(_ architecture: Architecture) -> PartitionType {
        switch architecture {
        case .amd64: PartitionType(0x4f68_bce3_e8cd_4db1, 0x96e7_fbca_f984_b709)
        case .arm64: PartitionType(0xb921_b045_1df0_41c3, 0xaf44_4c6f_280d_3fae)
        }
    }

    /// The dm-verity tree of the root file system.
    public static func rootVerity(_ architecture: Architecture) -> PartitionType {
        switch architecture {
        case .amd64: PartitionType(0x2c73_57ed_ebd2_46d9, 0xaec1_23d4_37ec_2bf5)
        case .arm64: PartitionType(0xdf33_00ce_d69f_4c92, 0x978c_9bfb_0f38_d820)
        }
    }

    /// The signature of the root file system's root hash.
    public static func rootVeritySignature(_ architecture: Architecture) -> PartitionType {
        switch architecture {
        case .amd64: PartitionType(0x4109_2b05_9fc8_4523, 0x994f_2def_0408_b176)
        case .arm64: PartitionType(0x6db6_9de6_29f4_4758, 0xa7a5_9621_90f0_0ce3)
        }
    }

    /// `/usr`.
    public static func usr(_ architecture: Architecture) -> PartitionType {
        switch architecture {
        case .amd64: PartitionType(0x8484_680c_9521_48c6, 0x9c11_b072_0656_f69e)
        case .arm64: PartitionType(0xb0e0_1050_ee5f_4390, 0x949a_9101_b171_04e9)
        }
    }

    /// The dm-verity tree of `/usr`.
    public static func usrVerity(_ architecture: Architecture) -> PartitionType {
        switch architecture {
        case .amd64: PartitionType(0x77ff_5f63_e7b6_4633, 0xacf4_1565_b864_c0e6)
        case .arm64: PartitionType(0x6e11_a4e7_fbca_4ded, 0xb9e9_e1a5_12bb_664e)
        }
    }

    /// The signature of the root hash of `/usr`.
    public static func usrVeritySignature(_ architecture: Architecture) -> PartitionType {
        switch architecture {
        case .amd64: PartitionType(0xe7bb_33fb_06cf_4e81, 0x8273_e543_b413_e2e2)
        case .arm64: PartitionType(0xc23c_e4ff_44bd_4b00, 0xb2d4_b41b_3419_e02a)
        }
    }

    private static let known: [(type: PartitionType, name: String)] =
        [
            (esp, "esp"), (extendedBootLoader, "xbootldr"), (biosBoot, "bios-boot"), (swap, "swap"),
            (home, "home"), (serverData, "srv"), (variableData, "var"), (temporaryData, "tmp"),
            (linuxGeneric, "linux-generic"),
        ]
        + Architecture.allCases.flatMap { architecture in
            let suffix = architecture == .amd64 ? "x86-64" : "arm64"
            return [
                (root(architecture), "root-\(suffix)"),
                (rootVerity(architecture), "root-\(suffix)-verity"),
                (rootVeritySignature(architecture), "root-\(suffix)-verity-sig"),
                (usr(architecture), "usr-\(suffix)"),
                (usrVerity(architecture), "usr-\(suffix)-verity"),
                (usrVeritySignature(architecture), "usr-\(suffix)-verity-sig"),
            ]
        }
}
