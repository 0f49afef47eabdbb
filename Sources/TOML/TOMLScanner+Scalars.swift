internal import JSON

extension TOMLScanner {
    /// Reads a number, date or time.
    mutating func numberOrTime() throws(TOMLError) -> JSONValue {
        let start = position
        while let byte = peek(), Self.isScalar(byte) { position += 1 }
        // A blank may stand between a date and a time, instead of the T.
        if position - start == 10, bytes[start + 4] == UInt8(ascii: "-"), peek() == 0x20,
            let next = peek(1), Self.isDigit(next)
        {
            position += 1
            while let byte = peek(), Self.isScalar(byte) { position += 1 }
        }
        let token = Array(bytes[start..<position])
        guard !token.isEmpty else { throw fault(.expected("a value"), at: start) }
        let text = String(decoding: token, as: UTF8.self)
        let shown = String(text.prefix(40))
        if TOMLTime.isLike(token) {
            guard let time = TOMLTime.text(of: token) else { throw fault(.invalidTime(shown), at: start) }
            return .string(time)
        }
        switch TOMLNumber.read(token) {
        case .value(let value): return value
        case .outOfRange: throw fault(.numberOutOfRange(shown), at: start)
        case .malformed:
            throw fault(
                .expected("a value (text in quotes, number, true, false, date) instead of \(shown)"),
                at: start
            )
        }
    }

    static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private static func isScalar(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "_"),
            UInt8(ascii: "."), UInt8(ascii: ":"):
            true
        default: false
        }
    }
}

/// Numbers of TOML 1.0, as far as JSON has them.
enum TOMLNumber {
    enum Result {
        case value(JSONValue)
        case outOfRange
        case malformed
    }

    static func read(_ token: [UInt8]) -> Result {
        var digits = token[...]
        let sign = digits.first.flatMap { $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "+") ? $0 : nil }
        if sign != nil { digits.removeFirst() }
        if digits.elementsEqual("inf".utf8) || digits.elementsEqual("nan".utf8) { return .outOfRange }
        if sign == nil, digits.first == UInt8(ascii: "0"), let letter = digits.dropFirst().first {
            let radix: Int? =
                switch Unicode.Scalar(letter) {
                case "x": 16
                case "o": 8
                case "b": 2
                default: nil
                }
            if let radix {
                guard let plain = withoutUnderscores(digits.dropFirst(2), radix: radix) else {
                    return .malformed
                }
                return Int64(plain, radix: radix).map { .value(.integer($0)) } ?? .outOfRange
            }
        }
        let minus = sign == UInt8(ascii: "-") ? "-" : ""
        if let plain = withoutUnderscores(digits, radix: 10) {
            guard !hasLeadingZero(digits) else { return .malformed }
            return Int64(minus + plain).map { .value(.integer($0)) } ?? .outOfRange
        }
        guard let plain = decimal(digits) else { return .malformed }
        guard let number = Double(minus + plain), number.isFinite else { return .outOfRange }
        return .value(.number(number))
    }

    /// The text of a number with a point or an exponent, without underscores; nil if it is none.
    private static func decimal(_ digits: ArraySlice<UInt8>) -> String? {
        let parts = digits.split(
            maxSplits: 1,
            omittingEmptySubsequences: false,
            whereSeparator: { $0 | 0x20 == UInt8(ascii: "e") }
        )
        let halves = parts[0].split(
            separator: UInt8(ascii: "."),
            maxSplits: 1,
            omittingEmptySubsequences: false
        )
        guard let whole = withoutUnderscores(halves[0], radix: 10), !hasLeadingZero(halves[0]) else {
            return nil
        }
        var text = whole
        if halves.count == 2 {
            guard let fraction = withoutUnderscores(halves[1], radix: 10) else { return nil }
            text += "." + fraction
        }
        if parts.count == 2 {
            var exponent = parts[1]
            let sign = exponent.first
            if sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") { exponent.removeFirst() }
            guard let plain = withoutUnderscores(exponent, radix: 10) else { return nil }
            text += (sign == UInt8(ascii: "-") ? "e-" : "e") + plain
        }
        return text
    }

    private static func hasLeadingZero(_ digits: ArraySlice<UInt8>) -> Bool {
        digits.count > 1 && digits.first == UInt8(ascii: "0")
    }

    /// The digits; nil unless there is one at least and each underscore stands between two.
    private static func withoutUnderscores(_ digits: ArraySlice<UInt8>, radix: Int) -> String? {
        var text = ""
        var afterDigit = false
        for byte in digits {
            if byte == UInt8(ascii: "_") {
                guard afterDigit else { return nil }
                afterDigit = false
                continue
            }
            let character = Character(Unicode.Scalar(byte))
            guard let value = character.hexDigitValue, value < radix else { return nil }
            text.append(character)
            afterDigit = true
        }
        return afterDigit ? text : nil
    }
}

/// Dates and times of TOML 1.0, which are those of RFC 3339 with parts left out.
enum TOMLTime {
    /// Whether a token is meant as a date or time: digits and then a dash or colon where one has them.
    static func isLike(_ token: [UInt8]) -> Bool {
        let leading = token.prefix(while: TOMLScanner.isDigit).count
        guard leading < token.count else { return false }
        return (leading > 0 && token[leading] == UInt8(ascii: ":"))
            || (leading == 4 && token[4] == UInt8(ascii: "-"))
    }

    /// The text in RFC 3339's form, with a capital T and Z; nil if there is no such date or time.
    static func text(of token: [UInt8]) -> String? {
        var rest = token[...]
        var text = ""
        if rest.dropFirst(4).first == UInt8(ascii: "-") {
            guard let date = date(&rest) else { return nil }
            text = date
            if rest.isEmpty { return text }
            guard let separator = rest.popFirst(), separator == 0x20 || separator | 0x20 == UInt8(ascii: "t")
            else { return nil }
            text += "T"
            guard let time = time(&rest) else { return nil }
            text += time
            guard let offset = offset(&rest) else { return nil }
            text += offset
        } else {
            guard let time = time(&rest) else { return nil }
            text = time
        }
        return rest.isEmpty ? text : nil
    }

    private static func date(_ rest: inout ArraySlice<UInt8>) -> String? {
        guard let year = number(4, 0...9999, &rest), take("-", &rest),
            let month = number(2, 1...12, &rest), take("-", &rest)
        else { return nil }
        let isLeap = year.value % 4 == 0 && (year.value % 100 != 0 || year.value % 400 == 0)
        let days = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month.value - 1]
        guard let day = number(2, 1...days, &rest) else { return nil }
        return "\(year.text)-\(month.text)-\(day.text)"
    }

    private static func time(_ rest: inout ArraySlice<UInt8>) -> String? {
        // RFC 3339 has a second 60, for leap seconds.
        guard let hour = number(2, 0...23, &rest), take(":", &rest), let minute = number(2, 0...59, &rest),
            take(":", &rest), let second = number(2, 0...60, &rest)
        else { return nil }
        var text = "\(hour.text):\(minute.text):\(second.text)"
        if take(".", &rest) {
            let fraction = rest.prefix(while: TOMLScanner.isDigit)
            guard !fraction.isEmpty else { return nil }
            rest.removeFirst(fraction.count)
            text += "." + String(decoding: fraction, as: UTF8.self)
        }
        return text
    }

    private static func offset(_ rest: inout ArraySlice<UInt8>) -> String? {
        if rest.isEmpty { return "" }
        if take("Z", &rest) || take("z", &rest) { return "Z" }
        let sign = take("+", &rest) ? "+" : take("-", &rest) ? "-" : nil
        guard let sign, let hour = number(2, 0...23, &rest), take(":", &rest),
            let minute = number(2, 0...59, &rest)
        else { return nil }
        return "\(sign)\(hour.text):\(minute.text)"
    }

    private static func take(_ character: Unicode.Scalar, _ rest: inout ArraySlice<UInt8>) -> Bool {
        guard rest.first == UInt8(ascii: character) else { return false }
        rest.removeFirst()
        return true
    }

    private static func number(
        _ count: Int,
        _ range: ClosedRange<Int>,
        _ rest: inout ArraySlice<UInt8>
    ) -> (value: Int, text: String)? {
        let digits = rest.prefix(count)
        guard digits.count == count, digits.allSatisfy(TOMLScanner.isDigit) else { return nil }
        let text = String(decoding: digits, as: UTF8.self)
        guard let value = Int(text), range.contains(value) else { return nil }
        rest.removeFirst(count)
        return (value, text)
    }
}
