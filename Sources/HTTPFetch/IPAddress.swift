internal import Glibc

/// An IPv4 or IPv6 address, and networks of them.
struct IPAddress: Equatable, Sendable {
    let bytes: [UInt8]

    /// Reads an address in its usual notation; nil for anything else.
    init?(_ text: String) {
        var four = in_addr()
        if inet_pton(AF_INET, text, &four) == 1 {
            bytes = withUnsafeBytes(of: &four) { Array($0) }
            return
        }
        var six = in6_addr()
        guard inet_pton(AF_INET6, text, &six) == 1 else { return nil }
        bytes = withUnsafeBytes(of: &six) { Array($0) }
    }

    /// Whether the address begins with the same `bits` bits as another of its kind.
    func isIn(_ network: IPAddress, bits: Int) -> Bool {
        guard bytes.count == network.bytes.count, (0...bytes.count * 8).contains(bits) else { return false }
        for (index, (mine, theirs)) in zip(bytes, network.bytes).enumerated() {
            let left = bits - index * 8
            if left <= 0 { return true }
            let mask: UInt8 = left >= 8 ? 0xff : ~(0xff >> UInt8(left))
            if mine & mask != theirs & mask { return false }
        }
        return true
    }
}
