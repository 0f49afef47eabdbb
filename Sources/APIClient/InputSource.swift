import Glibc
import SmallFiles

/// Where a document comes from.
enum InputSource: Equatable, CustomStringConvertible {
    case standardInput
    case file(path: String)
    case base64(content: String)
    case web(url: String)

    /// The longest document, in bytes.
    static let maximumLength = 4 << 20

    /// Reads the name of a source.
    init(_ text: String) throws(InputError) {
        if text == "-" {
            self = .standardInput
        } else if text.hasPrefix("base64:") {
            self = .base64(content: String(text.dropFirst("base64:".count)))
        } else if text.lowercased().hasPrefix("http://") || text.lowercased().hasPrefix("https://") {
            self = .web(url: text)
        } else if text.hasPrefix("file://") {
            guard let path = Self.decoded(text.dropFirst("file://".count)), path.hasPrefix("/") else {
                throw InputError("'\(text)' is not the URI of a file: write it as file:///path")
            }
            self = .file(path: path)
        } else if let colon = text.firstRange(of: "://") {
            let scheme = text[..<colon.lowerBound]
            throw InputError(
                "'\(scheme)' URIs are not supported: use a file, file://, base64:, http:// or https://, or '-' for standard input"
            )
        } else if text.isEmpty || text.hasPrefix("arn:") || text.contains("\0") {
            throw InputError("'\(text)' is neither a file nor a URI that is supported")
        } else {
            self = .file(path: text)
        }
    }

    /// The name for messages.
    var description: String {
        switch self {
        case .standardInput: "standard input"
        case .file(let path): path
        case .base64: "the base64 document"
        case .web(let url): url
        }
    }

    /// Reads the whole document, at most `maximumLength` bytes and for at most ten minutes.
    func read() async throws(InputError) -> [UInt8] {
        switch self {
        case .standardInput:
            return try Self.read(description) { () throws(SmallFileError) in
                try readSmallFile(STDIN_FILENO, maximumLength: Self.maximumLength, kind: Self.kind)
            }
        case .file(let path):
            return try Self.read(path) { () throws(SmallFileError) in
                try readSmallFile(path, maximumLength: Self.maximumLength, kind: Self.kind)
            }
        case .base64(let content):
            guard let bytes = Base64.decode(content) else {
                throw InputError("what follows 'base64:' is not base64 (RFC 4648, section 4)")
            }
            guard bytes.count <= Self.maximumLength else { throw .tooLong(description) }
            return bytes
        case .web(let url): return try await WebDocument.read(url)
        }
    }

    /// Shells give what a program writes as a pipe too: `apiclient apply <(make-settings)`.
    private static let kind = SmallFileKind.any(within: .seconds(600))

    private static func read(
        _ name: String,
        _ body: () throws(SmallFileError) -> [UInt8]
    ) throws(InputError) -> [UInt8] {
        do throws(SmallFileError) {
            return try body()
        } catch {
            switch error {
            case .cannotOpen(let number):
                throw InputError("could not open \(name): \(Console.text(ofErrno: number))")
            case .cannotRead(let number):
                throw InputError("could not read \(name): \(Console.text(ofErrno: number))")
            case .tooLong: throw .tooLong(name)
            case .didNotEnd: throw InputError("\(name) did not end within ten minutes")
            case .notRegular: throw InputError("\(name) \(error)")
            }
        }
    }

    /// Text without percent-encoding; nil if it is encoded wrongly.
    private static func decoded(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            if byte != UInt8(ascii: "%") {
                bytes.append(byte)
                continue
            }
            guard let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16),
                rest.count >= 2,
                value != 0
            else { return nil }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }
}

/// Why a document could not be read.
struct InputError: Error, Equatable, CustomStringConvertible {
    var description: String

    init(_ description: String) { self.description = description }

    /// A document beyond the limit.
    static func tooLong(_ name: String) -> InputError {
        InputError("\(name) is longer than \(InputSource.maximumLength) bytes: apply less at once")
    }
}

/// Base64 as of RFC 4648, section 4; line breaks are skipped, padding may be missing.
enum Base64 {
    static func decode(_ text: String) -> [UInt8]? {
        var bytes: [UInt8] = []
        var bits: UInt32 = 0
        var count = 0
        var padding = 0
        for byte in text.utf8 where byte != 0x0a && byte != 0x0d {
            if byte == UInt8(ascii: "=") {
                padding += 1
                continue
            }
            guard padding == 0, let value = value(of: byte) else { return nil }
            bits = bits << 6 | value
            count += 1
            if count % 4 == 0 {
                bytes += [UInt8(truncatingIfNeeded: bits >> 16), UInt8(truncatingIfNeeded: bits >> 8)]
                bytes.append(UInt8(truncatingIfNeeded: bits))
                bits = 0
            }
        }
        let rest = count % 4
        guard padding == 0 || (rest > 0 && padding == 4 - rest) else { return nil }
        // Bits that belong to no byte must be zero: every document has one text only.
        switch rest {
        case 0: return bytes
        case 2 where bits & 0xf == 0: return bytes + [UInt8(truncatingIfNeeded: bits >> 4)]
        case 3 where bits & 0x3 == 0:
            return bytes + [UInt8(truncatingIfNeeded: bits >> 10), UInt8(truncatingIfNeeded: bits >> 2)]
        default: return nil
        }
    }

    private static func value(of byte: UInt8) -> UInt32? {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(byte - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(byte - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
