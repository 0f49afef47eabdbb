import Foundation
import JSON
import SettingsModel

/// Many documents that the model accepts: examples, edge values and small changes of them, for every type of the model.
struct GeneratedSettings {
    /// Texts from which those are taken that a type allows.
    private let texts: [String]
    private var known: [String: [JSONValue]] = [:]

    /// - Parameter certificates: PEM texts, good and odd ones, that may stand in settings as Base64.
    init(certificates: [String]) {
        let plain = [
            "", " ", "  a  ", "a", "0", "-1", "1", "unlimited", "18446744073709551615", "\"\"", "'", "''",
            "\\",
            "\\\\", "{{settings.motd}}", "$(reboot)", "`reboot`", "%n", "a\nb", "\n", "\t", "ü", "e\u{301}",
            "\u{301}",
            "\u{feff}a", "\u{202e}", "🙂", "*", "_default", "localhost", "localhost:5000", "a.example",
            "A.Example.",
            ".example.org", "*.example.org", "[2001:db8::1]:5000", "2001:db8::1", "::", "::1", "127.0.0.1",
            "192.0.2.1:80", "10.0.0.0/8", "http://[::1]:80", "https://a.example/b?c=d%20'e",
            "http://u:p;'#@a.example:1",
            "net.ipv4.ip_forward", "net/ipv4/conf/eth0.1/forwarding", "-net.ipv4.ip_forward", "a/-b",
            "sysctl.-a.b",
            "sysctl.a.b", "usbcore.quirks", "module.blacklist", "rd.break", "a.b.c", "_a", "a#b", "a;b",
            "\"a b\"",
            "it's", "a=b c", "9000Mi", "1m30s",
        ]
        let long = ["a", "0", "9", "\"", "\\", "{", " ", "\t4", "€"].flatMap { unit in
            [56, 63, 64, 128, 253, 255, 256, 1024, 4096].map {
                String(String(repeating: unit, count: $0).prefix($0))
            }
        }
        // The longest host name, with a port.
        let names = [61, 59].map {
            [String](repeating: String(repeating: "a", count: 63), count: 3) + [
                String(repeating: "b", count: $0)
            ]
        }
        .map { $0.joined(separator: ".") }
        texts =
            plain + long + names + names.map { $0 + ":65535" }
            + certificates.map { Data($0.utf8).base64EncodedString() }
    }

    /// The document of a round, which the model has to sift; each round has other values, and leaves other ones out.
    mutating func document(round: Int) -> JSONValue {
        object(Settings.fields.map(\.description), round, at: "settings", isEmptyAllowed: true)
    }

    private mutating func object(
        _ fields: [FieldDescription],
        _ round: Int,
        at place: String,
        isEmptyAllowed: Bool
    ) -> JSONValue {
        var members: [String: JSONValue] = [:]
        for (index, field) in fields.enumerated() {
            // In other rounds, other ones are missing, so that each stands without each other one in some round.
            if fields.count < 8, round % 3 != 0, (round / 3) >> (index % 8) & 1 == 1 { continue }
            members[field.name] = value(
                field.type,
                round + index,
                at: "\(place).\(field.name)",
                examples: field.example.map { [$0] } ?? []
            )
        }
        return .object(members)
    }

    /// A value that fits the type in its form; whether it is allowed is for the caller to ask.
    private mutating func value(
        _ type: ValueType,
        _ round: Int,
        at place: String,
        examples: [JSONValue] = []
    ) -> JSONValue? {
        switch type.shape.form {
        case .group(let fields): return object(fields, round, at: place, isEmptyAllowed: true)
        case .map(let name, let value, _):
            let exampleNames = examples.flatMap { ($0.members ?? [:]).keys.sorted() }.map {
                JSONValue.string($0)
            }
            let names = candidates(name, at: place + " name", examples: exampleNames)
            let innerExamples = examples.flatMap {
                ($0.members ?? [:]).sorted { $0.key < $1.key }.map(\.value)
            }
            var members: [String: JSONValue] = [:]
            for index in 0..<min(5, names.count) {
                guard let name = names[(round * 5 + index) % names.count].string else { continue }
                members[name] = self.value(value, round + index, at: place + ".*", examples: innerExamples)
            }
            return .object(members)
        default:
            let values = candidates(type, at: place, examples: examples)
            return values.isEmpty ? nil : values[round % values.count]
        }
    }

    /// All values of a type that is one setting, checked by the type.
    private mutating func candidates(_ type: ValueType, at place: String, examples: [JSONValue])
        -> [JSONValue]
    {
        if let values = known[place] { return values }
        var found: [JSONValue] = []
        var seen: Set<JSONValue> = []
        for candidate in examples + proposals(type.shape, examples) {
            var reader = SettingReader()
            guard let value = type.check(candidate, &reader), seen.insert(candidate).inserted else {
                continue
            }
            found.append(value)
        }
        known[place] = found
        return found
    }

    /// Values of a form, allowed or not.
    private func proposals(_ shape: ValueShape, _ examples: [JSONValue]) -> [JSONValue] {
        switch shape.form {
        case .boolean: return [true, false]
        case .integer(let range):
            let edges = [range.lowerBound, range.upperBound, 0, 1, -1]
            return edges.map { .integer($0) }
        case .text:
            let starts = examples.compactMap(\.string) + ["a", "a.b"]
            return (texts + starts.filter { $0.utf8.count < 200 }.flatMap(changes)).map { .string($0) }
        case .choice(let words): return words.map { .string($0) }
        case .list(let element, _):
            let elements = allowed(element, examples.flatMap { $0.elements ?? [] })
            return [[]]
                + stride(from: 0, to: elements.count, by: 3).map {
                    .array(Array(elements[$0..<min($0 + 3, elements.count)]))
                }
        case .tuple(let elements, _, _):
            let parts = elements.enumerated().map { index, element in
                allowed(element, examples.compactMap { $0.elements?.dropFirst(index).first })
            }
            guard parts.allSatisfy({ !$0.isEmpty }) else { return [] }
            return (0..<(parts.map(\.count).max() ?? 0)).map { round in
                .array(parts.map { $0[round % $0.count] })
            }
        case .group(let fields):
            let parts = fields.map { field in
                allowed(field.type.shape, field.example.map { [$0] } ?? [])
            }
            let rounds = (parts.map(\.count).max() ?? 0) + 1 << min(fields.count, 6)
            return (0..<rounds).map { round in
                var members: [String: JSONValue] = [:]
                for (index, values) in parts.enumerated() where !values.isEmpty {
                    // The first rounds are those in which parts are missing.
                    if round < 1 << fields.count, round >> index & 1 == 1 { continue }
                    members[fields[index].name] = values[round % values.count]
                }
                return .object(members)
            }
        case .map(let name, let value, _):
            let names = allowed(name.shape, [])
            let values = allowed(value.shape, [])
            guard !values.isEmpty else { return [] }
            return names.enumerated().compactMap { index, name in
                name.string.map { .object([$0: values[index % values.count]]) }
            }
        case .either(let shapes): return shapes.flatMap { proposals($0, examples) }
        }
    }

    /// Proposals for a part of a setting; those of texts are cut to what the pattern allows, which spares most of them.
    private func allowed(_ shape: ValueShape, _ examples: [JSONValue]) -> [JSONValue] {
        let values = examples + proposals(shape, examples)
        guard case .text(let pattern?, let length) = shape.form, let regex = try? Regex(pattern) else {
            return values
        }
        return values.filter { value in
            guard let text = value.string, length.contains(text.unicodeScalars.count) else { return false }
            return (try? regex.wholeMatch(in: text)) != nil
        }
    }

    /// A text with one more character of ASCII at its beginning, in its middle or at its end.
    private func changes(_ text: String) -> [String] {
        let middle = text.index(text.startIndex, offsetBy: text.count / 2)
        return (UInt8(0x09)...0x7e).map { String(UnicodeScalar($0)) }.flatMap { character in
            [character + text, text + character, text[..<middle] + character + text[middle...]]
        }
    }
}
