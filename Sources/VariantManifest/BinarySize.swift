/// Sizes in bytes as manifests write them: "32MiB".
enum BinarySize {
    /// One mebibyte; partitions are aligned to it.
    static let mebibyte: UInt64 = 1 << 20
    private static let units: [(suffix: String, shift: Int)] = [("MiB", 20), ("GiB", 30), ("TiB", 40)]

    /// Reads a whole number and a binary unit; nil for anything else, and for more than 2^63 bytes.
    static func parse(_ text: String) -> UInt64? {
        for unit in units where text.hasSuffix(unit.suffix) {
            let digits = text.dropLast(unit.suffix.count)
            guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                let number = UInt64(digits)
            else { return nil }
            let (size, overflow) = number.multipliedReportingOverflow(by: 1 << UInt64(unit.shift))
            return overflow || size > UInt64(Int64.max) ? nil : size
        }
        return nil
    }

    /// Writes a multiple of 1 MiB with the largest unit that divides it.
    static func format(_ size: UInt64) -> String {
        for unit in units.reversed() where size > 0 && size % (1 << UInt64(unit.shift)) == 0 {
            return "\(size >> UInt64(unit.shift))\(unit.suffix)"
        }
        return "\(size) bytes"
    }

    /// What is wrong with a size, or its number of bytes.
    static func check(_ text: String, limits: ClosedRange<UInt64>) -> Result<UInt64, SizeProblem> {
        guard let size = parse(text) else {
            return .failure(
                SizeProblem(
                    text:
                        "a size is a whole number of MiB, GiB or TiB without a space, such as '512MiB' or '2GiB'"
                )
            )
        }
        guard limits.contains(size) else {
            return .failure(
                SizeProblem(
                    text: "the size must be in \(format(limits.lowerBound))...\(format(limits.upperBound))"
                )
            )
        }
        return .success(size)
    }

    /// Why a text is no size.
    struct SizeProblem: Error {
        let text: String
    }
}
