/// A streaming reader of one archive: member after member, data in pieces, memory independent of size.
///
/// Formats are tar (ustar, pax and GNU), plain or compressed with xz, zstd or gzip, and `ar`. The reader owns its
/// libarchive handle and closes it when it goes away.
public struct ArchiveReader: ~Copyable {
    /// What the archive must be; anything else is an error.
    public enum Format: Sendable, Equatable {
        /// POSIX ustar and pax, GNU tar.
        case tar
        /// The archive of `ar`, which a Debian package is.
        case ar
    }

    /// What errors call the archive: its path, or what the caller named it.
    public var name: String { handle.name }

    private let handle: ArchiveHandle

    /// Opens a file.
    ///
    /// - Throws: `ArchiveError` when it cannot be opened or is not of the format.
    public init(path: String, format: Format, limits: ArchiveLimits) throws(ArchiveError) {
        let handle = try ArchiveHandle(name: path, format: .init(format), limits: limits)
        try handle.open(file: path)
        self.handle = handle
    }

    /// Reads an archive in memory; `name` is what errors call it.
    ///
    /// - Throws: `ArchiveError` when the bytes are not an archive of the format.
    public init(bytes: [UInt8], name: String, format: Format, limits: ArchiveLimits) throws(ArchiveError) {
        let handle = try ArchiveHandle(name: name, format: .init(format), limits: limits)
        try handle.open(bytes: bytes)
        self.handle = handle
    }

    /// Reads the data of the member at which another reader stands as an archive of its own, without a copy.
    ///
    /// The outer reader must stay at this member until the inner one is done; the inner one keeps it alive.
    ///
    /// - Throws: `ArchiveError` when the data is not an archive of the format.
    public init(
        nestedIn outer: borrowing ArchiveReader,
        name: String,
        format: Format,
        limits: ArchiveLimits
    ) throws(ArchiveError) {
        let handle = try ArchiveHandle(name: name, format: .init(format), limits: limits)
        try handle.open(entryOf: outer.handle)
        self.handle = handle
    }

    /// Goes to the next member, past what was not read of the present one; nil at the end.
    ///
    /// - Throws: `ArchiveError` when the archive is damaged or exceeds its limits.
    public mutating func next() throws(ArchiveError) -> ArchiveEntry? {
        try handle.nextEntry()
    }

    /// Reads data of the present member into a buffer and returns the number of bytes; 0 at its end.
    ///
    /// - Throws: `ArchiveError` when the archive is damaged or exceeds its limits.
    public mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws(ArchiveError) -> Int {
        try handle.readData(into: buffer)
    }

    /// Reads all data that is left of the present member.
    ///
    /// - Throws: `ArchiveError`; `limit` when it is more than `limit` bytes.
    public mutating func readAll(limit: Int) throws(ArchiveError) -> [UInt8] {
        try handle.readAll(limit: limit)
    }
}

/// Single compressed streams, such as a kernel module with the extension `.ko.xz`.
public enum CompressedStream {
    /// Unpacks bytes compressed with xz, zstd or gzip; `name` is what errors call them.
    ///
    /// - Throws: `ArchiveError` when the bytes are damaged, not compressed, or give more than `limit` bytes.
    public static func decompress(_ bytes: [UInt8], name: String, limit: Int) throws(ArchiveError) -> [UInt8]
    {
        guard !bytes.isEmpty else { throw .notCompressed(file: name) }
        let limits = ArchiveLimits(maximumEntries: 1, maximumBytes: .max)
        let handle = try ArchiveHandle(name: name, format: .raw, limits: limits)
        try handle.open(bytes: bytes)
        guard try handle.nextEntry() != nil else { return [] }
        guard handle.isCompressed else { throw .notCompressed(file: name) }
        return try handle.readAll(limit: limit)
    }
}
