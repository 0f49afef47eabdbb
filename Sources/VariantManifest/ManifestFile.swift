import Foundation
import Hashing
import TOMLKit

/// A value that a file sets at most once.
enum Scalar: Equatable, Sendable {
    case text(String)
    case number(UInt64)

    /// The value as a message shows it.
    var shown: String {
        switch self {
        case .text(let text): return quoted(text)
        case .number(let number): return String(number)
        }
    }
}

/// The values of one file, or of one of its `[arch.NAME]` tables.
struct Layer: Equatable, Sendable {
    /// By dotted key; links are `alternatives.PATH`.
    var scalars: [String: Located<Scalar>] = [:]
    var lists: [Setting: [Located<String>]] = [:]
    var exceptions: [Located<AuditException>] = []

    /// The layer with a more special one laid over it.
    func overlaid(with other: Layer) -> Layer {
        Layer(
            scalars: scalars.merging(other.scalars) { _, special in special },
            lists: lists.merging(other.lists) { $0 + $1 },
            exceptions: exceptions + other.exceptions
        )
    }
}

/// What one manifest file says, checked value by value.
struct ManifestFile: Sendable {
    /// Whether a file is a variant's own manifest, a fragment, or the manifest of a container.
    enum Role: Sendable {
        case variant
        case fragment
        case container

        /// What messages call such a file.
        var noun: String {
            switch self {
            case .variant: "variant"
            case .fragment: "fragment"
            case .container: "container"
            }
        }
    }

    let source: VariantSource
    var common = Layer()
    var ofArchitecture: [Architecture: Layer] = [:]

    var path: String { source.path }

    /// The values that hold for an architecture, or for all of them.
    func layer(for architecture: Architecture?) -> Layer {
        guard let architecture, let special = ofArchitecture[architecture] else { return common }
        return common.overlaid(with: special)
    }
}

/// Collects problems; each is kept once, and no more than anybody would read.
struct ProblemList {
    /// Most problems that are kept; the last of them says that there are more.
    static let limit = 200

    private(set) var problems: [ManifestProblem] = []

    mutating func add(_ kind: ManifestProblem.Kind, _ location: SourceLocation, _ message: String) {
        guard problems.count < Self.limit else { return }
        var message = message
        if problems.count == Self.limit - 1 { message += "; there are more problems, mend these first" }
        let problem = ManifestProblem(kind: kind, location: location, message: message)
        if !problems.contains(problem) { problems.append(problem) }
    }
}

/// Reads the text of a manifest file with the limits that hold for all of them.
enum ManifestText {
    /// Why a file's text could not be had.
    struct Failure: Error {
        let kind: ManifestProblem.Kind
        let message: String
    }

    /// The bytes of a regular file of at most `Variant.fileSizeLimit` bytes.
    static func read(_ path: String) -> Result<[UInt8], Failure> {
        // Without O_NONBLOCK, opening a pipe would wait for a writer.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            let number = errno
            let kind: ManifestProblem.Kind = number == ENOENT ? .missingFile : .unreadableFile
            return .failure(
                Failure(kind: kind, message: "cannot be opened: \(String(cString: strerror(number)))")
            )
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            return .failure(
                Failure(
                    kind: .unreadableFile,
                    message: "is not a regular file; put the manifest's text there"
                )
            )
        }
        let limit = Variant.fileSizeLimit
        var bytes = [UInt8](repeating: 0, count: limit + 1)
        var count = 0
        while count < bytes.count {
            let got = bytes.withUnsafeMutableBytes { buffer in
                Foundation.read(descriptor, buffer.baseAddress.map { $0 + count }, buffer.count - count)
            }
            if got < 0 {
                if errno == EINTR { continue }
                return .failure(
                    Failure(
                        kind: .unreadableFile,
                        message: "cannot be read: \(String(cString: strerror(errno)))"
                    )
                )
            }
            if got == 0 { break }
            count += got
        }
        guard count <= limit else {
            return .failure(
                Failure(
                    kind: .unreadableFile,
                    message:
                        "is larger than \(limit) bytes, the limit for a manifest; move what does not belong there"
                )
            )
        }
        return .success(Array(bytes[..<count]))
    }

    /// Parses TOML; a text that the parser could choke on is refused before it is handed over.
    static func parse(_ bytes: [UInt8], file: String) -> Result<(TOMLTable, TOMLLocator), ManifestProblem> {
        func failure(_ line: Int, _ message: String) -> Result<(TOMLTable, TOMLLocator), ManifestProblem> {
            .failure(
                ManifestProblem(
                    kind: .syntax,
                    location: SourceLocation(file: file, line: line),
                    message: message
                )
            )
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            return failure(0, "is not UTF-8; TOML files are: save it in that encoding")
        }
        // TOMLKit hands texts and values on as C strings, which a NUL would silently cut.
        if let nul = bytes.firstIndex(of: 0) {
            return failure(bytes[..<nul].count { $0 == 0x0A } + 1, "has a NUL byte; remove it")
        }
        for escape in ["\\u0000", "\\U00000000"] {
            if let range = text.range(of: escape) {
                let line = text[..<range.lowerBound].utf8.count { $0 == 0x0A } + 1
                return failure(line, "has the escape \(escape); no value here may have a NUL: remove it")
            }
        }
        let locator = TOMLLocator(text)
        if locator.isTooDeep {
            return failure(
                0,
                "nests tables or arrays deeper than \(TOMLLocator.depthLimit) levels; a manifest needs 4"
            )
        }
        do {
            return .success((try TOMLTable(string: text), locator))
        } catch let error as TOMLParseError {
            return failure(error.source.begin.line, "is not TOML: \(error.description)")
        } catch {
            return failure(0, "is not TOML: \(error)")
        }
    }
}

extension ManifestProblem: Error {}
