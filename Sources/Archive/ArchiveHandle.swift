internal import CArchive
import Glibc

/// The owner of a `struct archive *`: the only place that calls libarchive.
///
/// Not `Sendable`: one reader belongs to one task at a time, as libarchive demands.
final class ArchiveHandle {
    enum Format {
        case tar, ar, raw

        init(_ format: ArchiveReader.Format) {
            switch format {
            case .tar: self = .tar
            case .ar: self = .ar
            }
        }
    }

    /// Where the bytes come from when it is not a file.
    private enum Source {
        case none
        case memory(UnsafeMutableRawBufferPointer)
        case member(MemberSource)
    }

    let name: String
    private let format: Format
    private let archive: OpaquePointer
    private let limits: ArchiveLimits
    private let locale: locale_t?
    private var source = Source.none
    private var entriesSeen = 0
    private var bytesDeclared: Int64 = 0
    private var bytesRead: Int64 = 0

    /// Counts the members gone to, so that a nested reader notices that its member is over.
    fileprivate var position: Int { entriesSeen }

    init(name: String, format: Format, limits: ArchiveLimits) throws(ArchiveError) {
        guard let archive = archive_read_new() else {
            throw .open(file: name, reason: "libarchive has no memory for a reader")
        }
        self.name = name
        self.format = format
        self.archive = archive
        self.limits = limits
        // pax names are UTF-8, and libarchive converts them to the character set of the thread's locale. It is
        // set around each header, so that the result does not depend on the environment of the build.
        locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nil)
        switch format {
        case .tar: archive_read_support_format_tar(archive)
        case .ar: archive_read_support_format_ar(archive)
        case .raw: archive_read_support_format_raw(archive)
        }
        // A .deb is never compressed as a whole.
        if format != .ar {
            archive_read_support_filter_xz(archive)
            archive_read_support_filter_zstd(archive)
            archive_read_support_filter_gzip(archive)
        }
    }

    deinit {
        archive_read_free(archive)
        if let locale { freelocale(locale) }
        if case .memory(let buffer) = source { buffer.deallocate() }
    }

    // MARK: Opening

    func open(file: String) throws(ArchiveError) {
        guard !file.utf8.contains(0) else { throw .open(file: file, reason: "its name has a NUL byte") }
        try finishOpening(archive_read_open_filename(archive, file, 1 << 18))
    }

    func open(bytes: [UInt8]) throws(ArchiveError) {
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: max(bytes.count, 1), alignment: 16)
        copy.copyBytes(from: bytes)
        source = .memory(copy)
        try finishOpening(archive_read_open_memory(archive, copy.baseAddress, bytes.count))
    }

    func open(entryOf outer: ArchiveHandle) throws(ArchiveError) {
        let member = MemberSource(outer: outer)
        source = .member(member)
        let context = Unmanaged.passUnretained(member).toOpaque()
        let status = archive_read_open(
            archive,
            context,
            nil,
            { _, context, block in
                guard let context, let block else { return -1 }
                return Unmanaged<MemberSource>.fromOpaque(context).takeUnretainedValue().nextBlock(block)
            },
            nil
        )
        try finishOpening(status)
    }

    private func finishOpening(_ status: Int32) throws(ArchiveError) {
        guard status == ARCHIVE_OK else {
            if case .member(let member) = source, let failure = member.failure { throw failure }
            throw .open(file: name, reason: message)
        }
        // One layer of compression and libarchive's own layer without any: more is a trap, not a package.
        guard archive_filter_count(archive) <= 2 else {
            throw .open(file: name, reason: "it is compressed more than once")
        }
    }

    var isCompressed: Bool {
        archive_filter_code(archive, 0) != ARCHIVE_FILTER_NONE
    }

    // MARK: Reading

    func nextEntry() throws(ArchiveError) -> ArchiveEntry? {
        let previous = locale.map { uselocale($0) }
        defer { if let previous { uselocale(previous) } }
        var header: OpaquePointer?
        let status = archive_read_next_header(archive, &header)
        if status == ARCHIVE_EOF { return nil }
        // A warning means that libarchive passed over something it did not understand: not good enough here.
        guard status == ARCHIVE_OK, let header else { throw failure() }
        guard entriesSeen < limits.maximumEntries else {
            throw .limit(file: name, what: "members", limit: Int64(limits.maximumEntries))
        }
        entriesSeen += 1
        let entry = try describe(header)
        let (sum, overflow) = bytesDeclared.addingReportingOverflow(entry.size)
        guard !overflow, sum <= limits.maximumBytes else {
            throw .limit(file: name, what: "bytes of data", limit: limits.maximumBytes)
        }
        bytesDeclared = sum
        return entry
    }

    func readData(into buffer: UnsafeMutableRawBufferPointer) throws(ArchiveError) -> Int {
        guard let base = buffer.baseAddress, !buffer.isEmpty else { return 0 }
        let count = archive_read_data(archive, base, buffer.count)
        guard count >= 0 else { throw failure() }
        let (sum, overflow) = bytesRead.addingReportingOverflow(Int64(count))
        guard !overflow, sum <= limits.maximumBytes else {
            throw .limit(file: name, what: "bytes of data", limit: limits.maximumBytes)
        }
        bytesRead = sum
        return count
    }

    func readAll(limit: Int) throws(ArchiveError) -> [UInt8] {
        var result: [UInt8] = []
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            let count = try readData(into: buffer)
            if count == 0 { return result }
            guard count <= limit - result.count else {
                throw .limit(file: name, what: "bytes of data", limit: Int64(limit))
            }
            result.append(contentsOf: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }

    /// A block of the present member's data where libarchive has it; valid until the next call.
    fileprivate func dataBlock(
        _ block: UnsafeMutablePointer<UnsafeRawPointer?>
    ) throws(ArchiveError) -> Int {
        var count = 0
        var offset: Int64 = 0
        let status = archive_read_data_block(archive, block, &count, &offset)
        if status == ARCHIVE_EOF { return 0 }
        guard status == ARCHIVE_OK else { throw failure() }
        return count
    }

    // MARK: Members

    private func describe(_ header: OpaquePointer) throws(ArchiveError) -> ArchiveEntry {
        let path = try text(archive_entry_pathname(header)) ?? ""
        let mode = archive_entry_mode(header)
        let kind: ArchiveEntry.Kind
        if let target = try text(archive_entry_hardlink(header)) {
            kind = .hardLink(target: target)
        } else {
            switch mode & S_IFMT {
            case S_IFREG: kind = .file
            case S_IFDIR: kind = .directory
            case S_IFLNK: kind = .symlink(target: try text(archive_entry_symlink(header)) ?? "")
            case S_IFCHR: kind = .characterDevice(major: major(header), minor: minor(header))
            case S_IFBLK: kind = .blockDevice(major: major(header), minor: minor(header))
            case S_IFIFO: kind = .fifo
            // `ar` members and raw streams may carry no type at all: they are files.
            case 0 where format != .tar: kind = .file
            case let type: throw .type(file: name, member: path, type: type)
            }
        }
        return ArchiveEntry(
            path: path,
            kind: kind,
            mode: UInt16(mode & 0o7777),
            uid: try number(archive_entry_uid(header), "owner", path),
            gid: try number(archive_entry_gid(header), "group", path),
            size: kind == .file ? try size(header, path) : 0,
            modificationTime: Int64(archive_entry_mtime(header)),
            xattrs: try xattrs(header)
        )
    }

    private func major(_ header: OpaquePointer) -> UInt32 {
        UInt32(truncatingIfNeeded: archive_entry_rdevmajor(header))
    }

    private func minor(_ header: OpaquePointer) -> UInt32 {
        UInt32(truncatingIfNeeded: archive_entry_rdevminor(header))
    }

    private func size(_ header: OpaquePointer, _ path: String) throws(ArchiveError) -> Int64 {
        guard archive_entry_size_is_set(header) != 0 else { return 0 }
        let size = archive_entry_size(header)
        guard size >= 0 else { throw .field(file: name, member: path, field: "size", value: "\(size)") }
        return size
    }

    private func number(_ value: Int64, _ field: String, _ path: String) throws(ArchiveError) -> UInt32 {
        guard let number = UInt32(exactly: value) else {
            throw .field(file: name, member: path, field: field, value: "\(value)")
        }
        return number
    }

    private func xattrs(_ header: OpaquePointer) throws(ArchiveError) -> [String: [UInt8]] {
        guard archive_entry_xattr_reset(header) > 0 else { return [:] }
        var result: [String: [UInt8]] = [:]
        var key: UnsafePointer<CChar>?
        var value: UnsafeRawPointer?
        var count = 0
        while archive_entry_xattr_next(header, &key, &value, &count) == ARCHIVE_OK {
            guard let key = try text(key) else { continue }
            result[key] = value.map { Array(UnsafeRawBufferPointer(start: $0, count: count)) } ?? []
        }
        return result
    }

    /// A C string as text; nil for a null pointer.
    private func text(_ pointer: UnsafePointer<CChar>?) throws(ArchiveError) -> String? {
        guard let pointer else { return nil }
        guard let text = String(validatingCString: pointer) else {
            let bytes = UnsafeBufferPointer(start: pointer, count: strlen(pointer)).map {
                UInt8(bitPattern: $0)
            }
            throw .name(file: name, name: Self.escaped(bytes))
        }
        return text
    }

    private static func escaped(_ bytes: [UInt8]) -> String {
        var text = ""
        for byte in bytes.prefix(256) {
            if (0x20..<0x7f).contains(byte) {
                text.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                text += "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
            }
        }
        return text
    }

    // MARK: Errors

    private var message: String {
        archive_error_string(archive).map { String(cString: $0) } ?? "libarchive gives no reason"
    }

    private func failure() -> ArchiveError {
        if case .member(let member) = source, let failure = member.failure { return failure }
        return .corrupt(file: name, reason: message)
    }
}

/// The data of another reader's present member, as libarchive's read callback wants it.
private final class MemberSource {
    private let outer: ArchiveHandle
    private let position: Int
    private(set) var failure: ArchiveError?

    init(outer: ArchiveHandle) {
        self.outer = outer
        position = outer.position
    }

    func nextBlock(_ block: UnsafeMutablePointer<UnsafeRawPointer?>) -> Int {
        guard outer.position == position else {
            failure = .outOfOrder(file: outer.name)
            return -1
        }
        do throws(ArchiveError) {
            return try outer.dataBlock(block)
        } catch {
            failure = error
            return -1
        }
    }
}
