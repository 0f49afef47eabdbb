import NIOHPACK

/// What the header fields of a call say, in both directions
/// (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md).
enum Fields {
    /// The fields of a request.
    ///
    /// - Parameter timeout: how long the server may take, if it is told.
    static func request(
        path: String,
        metadata: [(String, String)],
        timeout: Duration?
    ) -> HPACKHeaders {
        var fields: HPACKHeaders = [
            ":method": "POST", ":scheme": "http", ":path": path, ":authority": "localhost", "te": "trailers",
        ]
        if let timeout { fields.add(name: "grpc-timeout", value: text(of: timeout)) }
        fields.add(name: "content-type", value: "application/grpc")
        fields.add(name: "user-agent", value: "bulkhead")
        for (name, value) in metadata { fields.add(name: name, value: value) }
        return fields
    }

    /// A time as `grpc-timeout` has it: at most eight digits and a unit, never less than it is.
    ///
    /// In whole numbers: of its form with `Double` the compiler did not make the same instructions each time, and images
    /// are the same to the bit.
    static func text(of timeout: Duration) -> String {
        let (wholeSeconds, attoseconds) = timeout.components
        guard wholeSeconds >= 0, attoseconds >= 0 else { return "0n" }
        // More than the largest number of hours: nothing overflows below.
        let seconds = min(wholeSeconds, largestCount * 3600)
        let nanoseconds = roundedUp(attoseconds, by: 1_000_000_000)
        let units: [(perSecond: Int64, name: String)] = [
            (1_000_000_000, "n"), (1_000_000, "u"), (1000, "m"), (1, "S"),
        ]
        for unit in units where seconds <= largestCount / unit.perSecond {
            let part = roundedUp(nanoseconds * unit.perSecond, by: 1_000_000_000)
            let count = seconds * unit.perSecond + part
            if count <= largestCount { return "\(count)\(unit.name)" }
        }
        let begun = seconds + (nanoseconds > 0 ? 1 : 0)
        let minutes = roundedUp(begun, by: 60)
        if minutes <= largestCount { return "\(minutes)M" }
        return "\(min(roundedUp(begun, by: 3600), largestCount))H"
    }

    /// Eight digits.
    private static let largestCount: Int64 = 99_999_999

    private static func roundedUp(_ value: Int64, by divisor: Int64) -> Int64 {
        value / divisor + (value % divisor > 0 ? 1 : 0)
    }

    /// What is wrong with the first fields of an answer, or nil.
    static func fault(inHead fields: HPACKHeaders) -> String? {
        let status = fields.first(name: ":status") ?? "none"
        guard status == "200" else { return "HTTP status \(status) instead of 200" }
        let type = fields.first(name: "content-type") ?? "none"
        guard
            type == "application/grpc" || type.hasPrefix("application/grpc+")
                || type.hasPrefix("application/grpc;")
        else { return "content-type \(type) instead of application/grpc" }
        return nil
    }

    /// Whether fields come before the real ones (100 Continue and the like).
    static func isInformational(_ fields: HPACKHeaders) -> Bool {
        guard let status = fields.first(name: ":status") else { return false }
        return status.utf8.count == 3 && status.hasPrefix("1")
    }

    /// The status in the last fields of an answer, or nil without one.
    ///
    /// A code that we do not know is UNKNOWN, as gRPC wants it.
    static func status(inTrailers fields: HPACKHeaders) -> (code: GRPCStatus, message: String)? {
        guard let text = fields.first(name: "grpc-status") else { return nil }
        let code = Int(text).flatMap(GRPCStatus.init(rawValue:)) ?? .unknown
        return (code, decoded(fields.first(name: "grpc-message") ?? ""))
    }

    /// A percent-encoded text; what is no valid code stays as it is.
    static func decoded(_ text: String) -> String {
        guard text.utf8.contains(UInt8(ascii: "%")) else { return text }
        let bytes = Array(text.utf8)
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "%"), index + 2 < bytes.count,
                let high = digit(bytes[index + 1]), let low = digit(bytes[index + 2])
            {
                result.append(high << 4 | low)
                index += 3
            } else {
                result.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}
