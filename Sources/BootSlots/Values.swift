public import BootEntries
public import FAT
public import Hashing
import Bytes

/// A version's UKI as its release describes it.
public struct StagedImage: Sendable, Equatable {
    /// The variant's name.
    public let variant: String
    /// The version.
    public let version: String
    /// Bytes of the UKI.
    public let size: UInt64
    /// Digest of the UKI.
    public let sha256: SHA256Digest
    /// The root hash that the UKI's command line must name.
    public let rootHash: SHA256Digest

    /// A UKI from its parts.
    public init(variant: String, version: String, size: UInt64, sha256: SHA256Digest, rootHash: SHA256Digest)
    {
        self.variant = variant
        self.version = version
        self.size = size
        self.sha256 = sha256
        self.rootHash = rootHash
    }
}

/// What is running, and what the loader says of it.
public struct RunningBoot: Sendable, Equatable {
    /// The root hash on the running kernel's command line.
    public let rootHash: SHA256Digest
    /// The EFI variable `LoaderBootCountPath`: the running entry's path, if the loader counted this boot.
    public let bootCountPath: String?

    /// A boot; the path may have slashes or the firmware's backslashes.
    public init(rootHash: SHA256Digest, bootCountPath: String?) {
        self.rootHash = rootHash
        self.bootCountPath = bootCountPath
    }
}

/// The version that the recorded state says is on trial.
public struct ExpectedTrial: Sendable, Equatable {
    /// Its UKI, of which a plain copy is staged.
    public let image: StagedImage
    /// The tries to give to an entry that is made again or named again; 0 if it must not be tried again.
    public let tries: Int

    /// An expected trial.
    public init(image: StagedImage, tries: Int) {
        self.image = image
        self.tries = tries
    }
}

/// A file of `EFI/Linux` or `EFI/bulkhead`.
public struct EntryState: Sendable, Equatable {
    /// The path on the partition.
    public let path: String
    /// The file's name; the 8.3 one if the long one is lost.
    public let fileName: String
    /// The name as systemd-boot reads it; nil if it does not list such a file.
    public let name: BootEntryName?
    /// What is known of the long name.
    public let longName: FATEntry.LongName
    /// Bytes of the file.
    public let size: UInt64
    /// What the file says of itself; nil if it is no whole UKI, or cannot be read.
    public let image: ImageFacts?
    /// Whether its chain is sound and its bytes could be read: if not, nobody knows what it is.
    public let isReadable: Bool

    /// Whether the loader boots the entry without counting, and the entry is what its name says.
    public var isGood: Bool {
        guard let image, let name, name.counter == nil, longName == .valid || longName == .none else {
            return false
        }
        return name.variantAndVersion.map { $0 == (image.variant ?? $0.variant, image.version ?? $0.version) }
            ?? true
    }

    /// Whether the entry's name has a counter.
    public var isCounted: Bool { name?.counter != nil }
    /// Whether the entry has only its 8.3 name left, so that it looks committed.
    public var hasLostItsName: Bool { longName == .missing || longName == .torn }
}

/// What a UKI says of itself.
public struct ImageFacts: Sendable, Equatable {
    /// `IMAGE_ID` of its os-release.
    public let variant: String?
    /// `IMAGE_VERSION` of its os-release.
    public let version: String?
    /// The root hash on its command line.
    public let rootHash: SHA256Digest
}

/// What a repair found, and what it did about it.
public enum BootSlotsFinding: Sendable, Equatable, CustomStringConvertible {
    /// The file system was damaged and is repaired.
    case repaired(FATFault)
    /// The file system is damaged, and what is damaged was not touched.
    case damaged(FATFault)
    /// An entry with only its 8.3 name, which looked committed, was removed.
    case removedShortName(String)
    /// The entry on trial had only its 8.3 name, which looked committed; it has its name and counter again.
    case restoredCounter(String, name: String)
    /// The running entry had only its 8.3 name, and nothing is on trial; it has its name again.
    case restoredName(String, name: String)
    /// An entry with only its 8.3 name was kept, because it is the one that is running.
    case keptShortName(String)
    /// A version had two entries; this one was removed, the other kept.
    case removedSecondName(String, kept: String)
    /// The trial's entry was not there and was made again.
    case recreatedTrial(name: String)
    /// The trial's entry is not there and was not made again, for the reason given.
    case trialLost(name: String, reason: String)
    /// The trial's entry was not a whole UKI, or another one, and was removed.
    case removedBrokenTrial(String)
    /// A trial is running that the loader did not count, so it must not be committed in this boot.
    case uncountedTrial(String)

    /// What was found and done.
    public var description: String {
        switch self {
        case .repaired(let fault): "repaired on the EFI system partition: \(fault)"
        case .damaged(let fault):
            "the EFI system partition is damaged and was left so: \(fault); run fsck.vfat"
        case .removedShortName(let name):
            "removed the boot entry '\(name)', which had lost its long name and looked committed"
        case .restoredCounter(let short, let name):
            "the boot entry '\(short)' on trial had lost its long name and looked committed; it is '\(name)' again"
        case .restoredName(let short, let name):
            "the running boot entry '\(short)' had lost its long name; it is '\(name)' again"
        case .keptShortName(let name):
            "the boot entry '\(name)' has lost its long name; it is kept because it is running, and is named again at "
                + "a boot that is not counted, if no other entry has its name"
        case .removedSecondName(let name, let kept):
            "removed the boot entry '\(name)', a second name of what '\(kept)' boots"
        case .recreatedTrial(let name): "the boot entry '\(name)' on trial was lost and was made again"
        case .trialLost(let name, let reason): "the boot entry '\(name)' on trial is lost: \(reason)"
        case .removedBrokenTrial(let name): "removed the boot entry '\(name)' on trial, which was damaged"
        case .uncountedTrial(let name):
            "the trial of '\(name)' is running but the loader did not count it; it is not committed in this boot"
        }
    }
}
