import Bytes

/// A kernel, its initrd and its command line in one EFI program.
///
/// https://uapi-group.org/specifications/specs/unified_kernel_image/. Only the base profile is read: of sections that
/// occur more than once, the first.
public struct UnifiedKernelImage: Sendable {
    /// The file's headers.
    public let pe: PEFile
    /// The kernel command line (`.cmdline`), without what trails it.
    public let commandLine: String?
    /// The kernel's release (`.uname`), as `uname -r` prints it.
    public let kernelRelease: String?
    /// The operating system's identity (`.osrel`).
    public let osRelease: OSRelease?
    /// The table of revocation generations (`.sbat`), as it is.
    public let sbat: String?

    /// No text section is larger: far more than a command line that Linux takes.
    private static let maximumTextSize = 65_536

    /// Reads the headers and the small text sections of a file.
    ///
    /// - Throws: `UKIError`; among others `.missingSection` if there is no kernel in the file.
    public init(_ source: ByteSource) throws(UKIError) {
        let pe = try PEFile(source)
        guard pe.section(".linux") != nil else { throw .missingSection(".linux") }
        self.pe = pe
        commandLine = try Self.text(of: ".cmdline", in: pe).map(Self.trimmed)
        kernelRelease = try Self.text(of: ".uname", in: pe).map(Self.trimmed)
        sbat = try Self.text(of: ".sbat", in: pe)
        var release: OSRelease?
        if let text = try Self.text(of: ".osrel", in: pe) { release = try OSRelease(parsing: text) }
        osRelease = release
    }

    /// The kernel (`.linux`).
    ///
    /// - Throws: `UKIError.missingSection` or `.unreadable`.
    public func kernel() throws(UKIError) -> ByteSource { try pe.contents(of: ".linux") }

    /// The initrd (`.initrd`).
    ///
    /// - Throws: `UKIError.missingSection` or `.unreadable`.
    public func initrd() throws(UKIError) -> ByteSource { try pe.contents(of: ".initrd") }

    private static func text(of name: String, in pe: PEFile) throws(UKIError) -> String? {
        guard let section = pe.section(name) else { return nil }
        guard section.contentSize <= maximumTextSize else {
            throw .sectionTooLarge(name: name, size: section.contentSize, limit: maximumTextSize)
        }
        let bytes: [UInt8]
        do {
            bytes = try pe.contents(of: name).read(at: 0, count: Int(section.contentSize))
        } catch let error as ByteSourceError {
            throw .unreadable(error)
        } catch let error as UKIError {
            throw error
        } catch {
            throw .malformed("section '\(name)' could not be read")
        }
        // Tools differ in whether they store a final NUL.
        let end = bytes.lastIndex { $0 != 0 }.map { $0 + 1 } ?? 0
        guard let text = String(validating: bytes[..<end], as: UTF8.self) else {
            throw .notText(section: name)
        }
        return text
    }

    private static func trimmed(_ text: String) -> String {
        guard let last = text.lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return String(text[...last])
    }
}
