/// The counter in a boot entry's name: how often it may still be tried, and how often it was.
public struct BootCounter: Sendable, Hashable, CustomStringConvertible {
    /// Tries that are left; with 0 the entry has failed.
    public let left: Int
    /// Tries that were made.
    public let done: Int

    /// The largest number that systemd-boot reads.
    public static let maximum = Int(Int32.max)

    /// A counter; numbers outside of 0...2147483647 become the nearest one that is inside.
    public init(left: Int, done: Int = 0) {
        self.left = min(max(left, 0), Self.maximum)
        self.done = min(max(done, 0), Self.maximum)
    }

    /// The counter that systemd-boot leaves when it tries the entry.
    public var afterTry: BootCounter { BootCounter(left: left - 1, done: done + 1) }

    /// `+LEFT` before the first try, `+LEFT-DONE` after it.
    public var description: String { done == 0 ? "+\(left)" : "+\(left)-\(done)" }
}

/// What an entry's name says about it, in the terms of systemd's automatic boot assessment.
public enum BootEntryState: Sendable, Hashable {
    /// There is no counter: the entry was committed, or never was on trial.
    case good
    /// The entry is on trial.
    case indeterminate(left: Int, done: Int)
    /// All tries were used up; systemd-boot puts the entry last.
    case bad(done: Int)
}

/// The file name of a unified kernel image in `EFI/Linux`, as systemd-boot reads it.
///
/// Boot Loader Specification, type #2, and https://systemd.io/AUTOMATIC_BOOT_ASSESSMENT/:
/// `NAME[+LEFT[-DONE]].efi`. Bulkhead's names are `VARIANT_VERSION`.
public struct BootEntryName: Sendable, Hashable, CustomStringConvertible {
    /// The file's name as it is in the directory.
    public let fileName: String
    /// The file's name without counter and suffix.
    public let name: String
    /// The counter, if the name has one.
    public let counter: BootCounter?

    static let suffix = ".efi"
    /// The longest name that leaves room for the largest counter in 255 characters.
    static let maximumNameLength = 229

    /// Reads a file's name; nil if systemd-boot does not list such a file.
    ///
    /// A counter is the part after the last `+` if it is `LEFT` or `LEFT-DONE`, ends at the suffix, and the suffix is
    /// in lower case; leading zeros do not matter, numbers go up to 2147483647. What is no counter belongs to the name.
    public init?(fileName: String) {
        let bytes = Array(fileName.utf8)
        let suffix = Array(Self.suffix.utf8)
        guard bytes.count > suffix.count, Self.lowercased(bytes.suffix(suffix.count)) == suffix,
            bytes.first != UInt8(ascii: "."), !Self.lowercased(bytes.prefix(5)).elementsEqual("auto-".utf8)
        else { return nil }
        self.fileName = fileName
        let stem = bytes.dropLast(suffix.count)
        if bytes.suffix(suffix.count).elementsEqual(suffix), let plus = stem.lastIndex(of: UInt8(ascii: "+")),
            let counter = Self.counter(in: stem[(plus + 1)...])
        {
            name = String(decoding: stem[..<plus], as: UTF8.self)
            self.counter = counter
        } else {
            name = String(decoding: stem, as: UTF8.self)
            counter = nil
        }
    }

    /// The name of a variant's version, on trial if there is a number of tries.
    ///
    /// - Throws: `BootEntryError` if the parts do not make a name that reads back the same.
    public init(variant: String, version: String, tries: Int? = nil) throws(BootEntryError) {
        guard !variant.isEmpty else { throw .badPart(variant) }
        guard !version.isEmpty, !version.contains("_") else { throw .badPart(version) }
        if let tries, !(1...BootCounter.maximum).contains(tries) { throw .badTries(tries) }
        try self.init(name: "\(variant)_\(version)", counter: tries.map { BootCounter(left: $0) })
    }

    private init(name: String, counter: BootCounter?) throws(BootEntryError) {
        guard name.utf8.count <= Self.maximumNameLength, name.utf8.allSatisfy(Self.isAllowed),
            let parsed = BootEntryName(fileName: name + (counter?.description ?? "") + Self.suffix),
            parsed.name == name, parsed.counter == counter
        else { throw .badName(name) }
        self = parsed
    }

    /// What the name says about the entry.
    public var state: BootEntryState {
        guard let counter else { return .good }
        return counter.left == 0
            ? .bad(done: counter.done) : .indeterminate(left: counter.left, done: counter.done)
    }

    /// The variant and the version, where the name is `VARIANT_VERSION`.
    public var variantAndVersion: (variant: String, version: String)? {
        guard let split = name.lastIndex(of: "_") else { return nil }
        let variant = name[..<split]
        let version = name[name.index(after: split)...]
        return variant.isEmpty || version.isEmpty ? nil : (String(variant), String(version))
    }

    /// The name of the committed entry: without a counter.
    public var committedFileName: String { name + Self.suffix }

    /// The name that systemd-boot gives the file before it starts it; the same if there is no counter.
    public var fileNameAfterTry: String {
        guard let counter else { return fileName }
        let next = counter.afterTry
        return "\(name)+\(next.left)-\(next.done)\(Self.suffix)"
    }

    /// What systemd-boot calls the entry: the committed name in lower case.
    public var identifier: String {
        String(decoding: Self.lowercased(Array(name.utf8)[...]), as: UTF8.self) + Self.suffix
    }

    /// The file's name.
    public var description: String { fileName }

    private static func counter(in text: ArraySlice<UInt8>) -> BootCounter? {
        let parts = text.split(separator: UInt8(ascii: "-"), maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let left = number(first) else { return nil }
        guard parts.count == 2 else { return BootCounter(left: left) }
        guard let done = number(parts[1]) else { return nil }
        return BootCounter(left: left, done: done)
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
        guard !digits.isEmpty, digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let value = Int(String(decoding: digits, as: UTF8.self)), value <= BootCounter.maximum
        else { return nil }
        return value
    }

    private static func lowercased(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        bytes.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 | 0x20 : $0 }
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"):
            true
        default: "._~^-".utf8.contains(byte)
        }
    }
}
