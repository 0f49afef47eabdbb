/// The names of the store's files.
enum FileName {
    static let temporarySuffix = ".temporary"
    private static let generationPrefix = "generation-"
    private static let pendingPrefix = "pending-"
    private static let damagedPrefix = "damaged-"
    private static let suffix = ".json"
    private static let digits = 20

    /// The file of a generation; names sort as the numbers do.
    static func generation(_ number: UInt64) -> String {
        let text = String(number)
        return generationPrefix + String(repeating: "0", count: digits - text.count) + text + suffix
    }

    /// The number in the name of a generation's file; nil for any other name.
    static func generationNumber(_ name: String) -> UInt64? {
        guard let text = middle(of: name, generationPrefix), text.utf8.count == digits,
            text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let number = UInt64(text), (1...StoreLimits.highestNumber).contains(number)
        else { return nil }
        return number
    }

    /// The file of a pending transaction.
    static func pending(_ transaction: String) -> String { pendingPrefix + transaction + suffix }

    /// The transaction in the name of a pending transaction's file; nil for any other name.
    static func transaction(_ name: String) -> String? {
        guard let text = middle(of: name, pendingPrefix), isTransaction(text) else { return nil }
        return text
    }

    /// The name under which a damaged file is kept for people to look at.
    static func damaged(_ name: String) -> String { damagedPrefix + name }

    /// The name that a file kept aside had before; nil for any other name.
    static func beforeDamage(_ name: String) -> String? {
        name.hasPrefix(damagedPrefix) ? String(name.dropFirst(damagedPrefix.count)) : nil
    }

    /// Whether a name may be one of a transaction.
    static func isTransaction(_ name: String) -> Bool {
        (1...StoreLimits.nameLength).contains(name.utf8.count)
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
                    UInt8(ascii: "."):
                    true
                default: false
                }
            }
    }

    private static func middle(of name: String, _ prefix: String) -> String? {
        guard name.hasPrefix(prefix), name.hasSuffix(suffix), name.count > prefix.count + suffix.count
        else { return nil }
        return String(name.dropFirst(prefix.count).dropLast(suffix.count))
    }
}
