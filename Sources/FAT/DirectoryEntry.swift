import Bytes

/// A file or folder in a folder of a FAT file system.
public struct FATEntry: Sendable, Equatable {
    /// What is known of the entry's long name.
    ///
    /// A short name without the long name that it stands for is what a power cut leaves of a file being renamed: its
    /// boot counter would seem to be gone.
    public enum LongName: Sendable, Equatable {
        /// There is one, and it belongs to this entry.
        case valid
        /// There is none, and the short name is one that needs none.
        case none
        /// There is none, although the short name (`NAME~1`) is one that was made for a long name.
        case missing
        /// There are pieces of one in front of the entry which are incomplete or belong to another entry.
        case torn
    }

    /// The long name if it is valid, else the short one.
    public let name: String
    /// The 8.3 name as text; characters that are not ASCII are U+FFFD.
    public let shortName: String
    /// What is known of the long name.
    public let longName: LongName
    /// Whether this is a folder.
    public let isFolder: Bool
    /// Whether the entry is marked read-only.
    public let isReadOnly: Bool
    /// The file's length in bytes; 0 for folders.
    public let size: UInt32
    /// The first cluster; 0 for empty files.
    public let firstCluster: UInt32
    /// The folder's slots that are this entry: its long name's pieces, if they are valid, and itself.
    let slots: Range<Int>
}

/// What a folder holds.
public struct FATFolder: Sendable, Equatable {
    /// Files and folders in the order of the medium, without `.`, `..` and the volume's label.
    public let entries: [FATEntry]
    /// Number of long name pieces without an entry they belong to: traces of a cut rename.
    public let orphanedLongNamePieces: Int
    /// The volume's label, which only the root folder has.
    let label: String?
    /// The slots of long name pieces without an entry they belong to.
    let orphanedSlots: [Int]
    /// The first slot that was never used; the number of slots if there is none.
    let end: Int
}

/// The 8.3 name of an entry.
struct ShortName {
    let text: String
    let checksum: UInt8
    /// Whether the name has the numeric tail (`~1`) of names made for long ones.
    let isAlias: Bool

    /// Reads the 11 bytes of a name; `caseFlags` are Windows NT's bits for lower case.
    init(_ bytes: ArraySlice<UInt8>, caseFlags: UInt8) {
        checksum = bytes.reduce(0) { sum, byte in (sum >> 1 | sum << 7) &+ byte }
        var base = Array(bytes.prefix(8))
        // 0xe5 marks deleted entries, so that a name that starts with it is stored with 0x05.
        if base.first == 0x05 { base[0] = 0xe5 }
        var stem = Self.trimmedText(base[...])
        var suffix = Self.trimmedText(bytes.dropFirst(8))
        if caseFlags & 0x08 != 0 { stem = stem.lowercased() }
        if caseFlags & 0x10 != 0 { suffix = suffix.lowercased() }
        text = suffix.isEmpty ? stem : "\(stem).\(suffix)"
        let tail = stem.split(separator: "~", omittingEmptySubsequences: false).last ?? ""
        isAlias = stem.contains("~") && !tail.isEmpty && tail.allSatisfy { ("0"..."9").contains($0) }
    }

    /// Text in a code page of which only ASCII is known, without trailing spaces.
    static func trimmedText(_ bytes: ArraySlice<UInt8>) -> String {
        let end = bytes.lastIndex { $0 != 0x20 && $0 != 0 }.map { $0 + 1 } ?? bytes.startIndex
        return String(
            String.UnicodeScalarView(
                bytes[..<end].map { $0 < 0x80 && $0 >= 0x20 ? Unicode.Scalar($0) : "\u{fffd}" }
            )
        )
    }
}

/// Puts a long name together from the pieces in front of an entry.
struct LongNameAssembler {
    private var pieces: [[UInt16]] = []
    private var expected = 0
    private var checksum: UInt8 = 0
    private var isTorn = false
    private var count = 0

    /// Number of pieces since the last entry.
    var pieceCount: Int { count }

    /// Takes the next piece, which comes in descending order.
    mutating func add(_ slot: [UInt8]) {
        count += 1
        let order = Int(slot[0] & 0x3f)
        let isFirst = slot[0] & 0x40 != 0
        if isFirst {
            // A new name begins; what was collected has no entry.
            isTorn = count > 1
            pieces = []
            expected = order
            checksum = slot[13]
        }
        guard !pieces.isEmpty || isFirst, order == expected, (1...20).contains(order), slot[13] == checksum
        else {
            isTorn = true
            return
        }
        let offsets = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30]
        pieces.append(offsets.map { slot.littleEndian(UInt16.self, at: $0) ?? 0 })
        expected = order - 1
    }

    /// The name for the entry that follows, and what is known of it.
    mutating func finish(for short: ShortName) -> (name: String, state: FATEntry.LongName) {
        defer { self = LongNameAssembler() }
        guard count > 0 else { return (short.text, short.isAlias ? .missing : .none) }
        guard !isTorn, expected == 0, checksum == short.checksum, let name = assembled() else {
            return (short.text, .torn)
        }
        return (name, .valid)
    }

    private func assembled() -> String? {
        let units = pieces.reversed().joined()
        let text = Array(units.prefix { $0 != 0 })
        // Behind the end there is padding only.
        guard !text.isEmpty, text.count <= 255, units.dropFirst(text.count + 1).allSatisfy({ $0 == 0xffff })
        else {
            return nil
        }
        return String(validating: text, as: UTF16.self)
    }
}
