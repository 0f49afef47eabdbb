/// A name to be given to a file: its UTF-16 text, and the 8.3 name that goes with it.
///
/// Microsoft FAT specification, sections 6 and 7.
struct FATName {
    let text: String
    private let units: [UInt16]

    /// Checks a name.
    init(_ text: String) throws(FATError) {
        units = Array(text.utf16)
        self.text = text
        let forbidden = Set("\"*/:<>?\\|".utf16)
        guard (1...255).contains(units.count), !text.hasSuffix("."), !text.hasSuffix(" "),
            units.allSatisfy({ $0 >= 0x20 && $0 != 0x7f && !forbidden.contains($0) })
        else { throw .badName(text) }
    }

    /// The slots of an entry of this name: the pieces of the long name, last piece first, then the short entry.
    ///
    /// - Parameters:
    ///   - names: the names in the folder, long and short ones in lower case, from which the short name must differ.
    ///   - entry: the short entry, whose name is filled in here.
    func slots(avoiding names: Set<String>, entry: [UInt8]) throws(FATError) -> [[UInt8]] {
        var entry = entry
        if let plain = Self.plainShortName(text) {
            entry.replaceSubrange(0..<11, with: plain)
            // Windows NT's case bits: the name is upper case.
            entry[12] = 0
            return [entry]
        }
        let short = try alias(avoiding: names)
        entry.replaceSubrange(0..<11, with: short)
        entry[12] = 0
        let checksum = ShortName(short[...], caseFlags: 0).checksum
        let count = (units.count + 12) / 13
        // The text, its end, and padding.
        var padded = units
        if padded.count < count * 13 { padded.append(0) }
        padded += [UInt16](repeating: 0xffff, count: count * 13 - padded.count)
        let pieces = (0..<count).reversed().map { index in
            var slot = [UInt8](repeating: 0, count: 32)
            slot[0] = UInt8(index + 1) | (index + 1 == count ? 0x40 : 0)
            slot[11] = 0x0f
            slot[13] = checksum
            for (offset, unit) in zip(
                [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30],
                padded[index * 13..<index * 13 + 13]
            ) {
                slot[offset] = UInt8(truncatingIfNeeded: unit)
                slot[offset + 1] = UInt8(truncatingIfNeeded: unit >> 8)
            }
            return slot
        }
        return pieces + [entry]
    }

    /// How many slots an entry of this name has.
    var slotCount: Int { Self.plainShortName(text) != nil ? 1 : (units.count + 12) / 13 + 1 }

    /// The 11 bytes of a name that is an 8.3 name as it is, so that it needs no long one.
    private static func plainShortName(_ text: String) -> [UInt8]? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), let stem = parts.first, (1...8).contains(stem.utf8.count),
            parts.count == 1 || (1...3).contains(parts[1].utf8.count),
            // A '~' makes it look like an alias that lost its long name.
            parts.allSatisfy({ $0.utf8.allSatisfy { isShort($0) && $0 != UInt8(ascii: "~") } })
        else { return nil }
        return padded(Array(stem.utf8), to: 8) + padded(parts.count == 2 ? Array(parts[1].utf8) : [], to: 3)
    }

    /// `NAME~1.EXT` with the first number that no other name in the folder has.
    private func alias(avoiding names: Set<String>) throws(FATError) -> [UInt8] {
        let trimmed = text.drop { $0 == "." || $0 == " " }
        let dot = trimmed.lastIndex(of: ".")
        let stem = Self.shortened(dot.map { trimmed[..<$0] } ?? trimmed[...])
        let suffix = Array(Self.shortened(dot.map { trimmed[trimmed.index(after: $0)...] } ?? "").prefix(3))
        for number in 1...999_999 {
            let tail = Array("~\(number)".utf8)
            let base = Array((stem.isEmpty ? [UInt8(ascii: "_")] : stem).prefix(8 - tail.count)) + tail
            let text =
                String(decoding: base, as: UTF8.self)
                + (suffix.isEmpty ? "" : "." + String(decoding: suffix, as: UTF8.self))
            if !names.contains(text.lowercased()) {
                return Self.padded(base, to: 8) + Self.padded(suffix, to: 3)
            }
        }
        throw .badName(text)
    }

    /// Upper case, without spaces and dots, with `_` for what an 8.3 name cannot have.
    private static func shortened(_ text: Substring) -> [UInt8] {
        text.unicodeScalars.filter { $0 != " " && $0 != "." }.prefix(8).map { scalar in
            guard scalar.isASCII, let byte = UInt8(exactly: scalar.value) else { return UInt8(ascii: "_") }
            let upper = (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) ? byte & 0xdf : byte
            return isShort(upper) ? upper : UInt8(ascii: "_")
        }
    }

    private static func padded(_ bytes: [UInt8], to count: Int) -> [UInt8] {
        bytes + [UInt8](repeating: 0x20, count: max(0, count - bytes.count))
    }

    private static func isShort(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: "$%'-_@~`!(){}^#&".utf8.contains(byte)
        }
    }
}
