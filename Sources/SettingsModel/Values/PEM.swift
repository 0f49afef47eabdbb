/// The blocks of a PEM text (RFC 7468): their labels and contents.
struct PEMBlocks {
    var blocks: [(label: Substring, base64: String)] = []

    /// Takes a text apart; nil when a block is not whole.
    ///
    /// Text between the blocks is passed over, as RFC 7468 allows.
    init?(_ text: String) {
        var label: Substring?
        var body = ""
        for line in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
            let line = line.trimmed
            if let open = label {
                if line == "-----END \(open)-----" {
                    guard let bytes = Base64Data.decode(body), Self.isWhole(bytes, label: open) else {
                        return nil
                    }
                    blocks.append((open, body))
                    (label, body) = (nil, "")
                } else {
                    guard !line.hasPrefix("-----") else { return nil }
                    body += line
                }
            } else if line.hasPrefix("-----BEGIN "), line.hasSuffix("-----"), line.utf8.count > 16 {
                label = line.dropFirst(11).dropLast(5)
            } else if line.hasPrefix("-----") {
                return nil
            }
        }
        guard label == nil else { return nil }
    }

    /// Whether bytes are one DER value of type SEQUENCE, as every certificate and key is, with nothing behind it.
    ///
    /// One that is called a certificate has the three parts of one (RFC 5280, section 4.1): readers of a bundle, such as
    /// OpenSSL, stop at the first that has not, and lose all that follow.
    private static func isWhole(_ bytes: [UInt8], label: Substring) -> Bool {
        guard let whole = derValues(bytes[...]), whole.count == 1, whole[0].tag == sequence else {
            return false
        }
        guard label == PEMCertificates.label else { return true }
        return derValues(whole[0].content)?.map(\.tag) == [sequence, sequence, bitString]
    }

    private static let sequence: UInt8 = 0x30
    private static let bitString: UInt8 = 0x03

    /// The DER values (X.690) that follow each other in bytes; nil when the last one is not whole.
    private static func derValues(_ bytes: ArraySlice<UInt8>) -> [(tag: UInt8, content: ArraySlice<UInt8>)]? {
        var values: [(tag: UInt8, content: ArraySlice<UInt8>)] = []
        var rest = bytes
        while let tag = rest.popFirst() {
            guard let first = rest.popFirst() else { return nil }
            var length = Int(first)
            if first >= 0x80 {
                let size = Int(first & 0x7f)
                guard (1...4).contains(size), rest.count >= size else { return nil }
                length = rest.prefix(size).reduce(0) { $0 << 8 | Int($1) }
                rest = rest.dropFirst(size)
            }
            guard rest.count >= length else { return nil }
            values.append((tag, rest.prefix(length)))
            rest = rest.dropFirst(length)
        }
        return values
    }
}

extension Substring {
    /// The text without blanks at its ends.
    fileprivate var trimmed: Substring {
        let start = firstIndex { $0 != " " && $0 != "\t" } ?? endIndex
        let end = lastIndex { $0 != " " && $0 != "\t" }.map { index(after: $0) } ?? start
        return self[start..<Swift.max(start, end)]
    }
}

/// Base64 of one or more certificates in PEM.
///
/// The templates read certificates with it too, so that what is accepted is also what is written.
public struct PEMCertificates: TextSetting, Hashable {
    /// The Base64 text.
    public let text: String

    /// Takes Base64 of PEM with at least one certificate and nothing but certificates; nil for anything else.
    public init?(_ text: String) {
        guard let bytes = Base64Data.decode(text), let pem = String(validating: bytes, as: UTF8.self),
            let blocks = PEMBlocks(pem)?.blocks, !blocks.isEmpty,
            blocks.allSatisfy({ $0.label == Self.label })
        else { return nil }
        self.text = text
    }

    /// The certificates, each in PEM with lines of 64 characters: equal certificates have equal texts.
    public var certificates: [String] {
        Self.certificates(inPEM: String(decoding: Base64Data.decode(text) ?? [], as: UTF8.self)) ?? []
    }

    /// The certificates of a PEM text, which may have other blocks too; nil when a block is not whole.
    ///
    /// - Parameter pem: the text; what stands between its blocks is passed over.
    /// - Returns: each certificate in PEM with lines of 64 characters.
    public static func certificates(inPEM pem: String) -> [String]? {
        PEMBlocks(pem)?.blocks.filter { $0.label == label }.map { block in
            // Strict Base64 has one spelling, so the lines are all that could differ.
            let body = Array(block.base64.utf8)
            let lines = stride(from: 0, to: body.count, by: 64).map {
                String(decoding: body[$0..<min($0 + 64, body.count)], as: UTF8.self) + "\n"
            }
            return "-----BEGIN \(label)-----\n\(lines.joined())-----END \(label)-----\n"
        }
    }

    fileprivate static let label = "CERTIFICATE"

    /// What is allowed.
    public static var shape: ValueShape {
        ValueShape(
            name: "certificates",
            allowed: "Base64 of one or more certificates in PEM (-----BEGIN CERTIFICATE-----), at most 1 MiB",
            form: .text(pattern: Pattern.whole(Base64Data.pattern), length: 4...Base64Data.maximumLength)
        )
    }
}

/// Base64 of one private key in PEM.
public struct PEMPrivateKey: TextSetting, Hashable {
    /// The Base64 text.
    public let text: String

    /// Takes Base64 of PEM with one private key that has no pass phrase; nil for anything else.
    public init?(_ text: String) {
        guard let bytes = Base64Data.decode(text), let pem = String(validating: bytes, as: UTF8.self),
            let blocks = PEMBlocks(pem)?.blocks,
            blocks.count(where: { $0.label.hasSuffix("PRIVATE KEY") }) == 1,
            blocks.allSatisfy({ Self.labels.contains(String($0.label)) })
        else { return nil }
        self.text = text
    }

    /// What is allowed.
    public static var shape: ValueShape {
        ValueShape(
            name: "private key",
            allowed: "Base64 of one private key in PEM, without a pass phrase, at most 1 MiB",
            form: .text(pattern: Pattern.whole(Base64Data.pattern), length: 4...Base64Data.maximumLength)
        )
    }

    /// What openssl writes; curve parameters may stand in front of an EC key.
    private static let labels = ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "EC PARAMETERS"]
}
