internal import SmallFiles

extension BootFailureRecord {
    /// Far above what a record can be.
    private static let maximumSize = 256 << 10

    /// Reads the record of a host; nil if there is none.
    ///
    /// - Throws: `BootFailureRecordError`.
    public static func load(from host: HostFiles) throws(BootFailureRecordError) -> BootFailureRecord? {
        let path = host.path(path)
        let bytes: [UInt8]
        do throws(SmallFileError) {
            bytes = try readSmallFile(path, maximumLength: maximumSize, followsLink: false)
        } catch {
            if error.isMissing { return nil }
            switch error {
            case .cannotOpen(let errno): throw .file(operation: "open", path: path, errno: errno)
            case .cannotRead(let errno): throw .file(operation: "read", path: path, errno: errno)
            case .tooLong: throw .tooLarge(path: path)
            case .notRegular, .didNotEnd: throw .malformed("'\(path)' \(error)")
            }
        }
        return try BootFailureRecord(json: String(decoding: bytes, as: UTF8.self))
    }

    /// Keeps the record on a host durably, in the place of an earlier one.
    ///
    /// It is there as a whole or, after a power cut, not at all.
    ///
    /// - Throws: `BootFailureRecordError.file`.
    public func save(on host: HostFiles) throws(BootFailureRecordError) {
        let path = host.path(Self.path)
        do throws(SmallFileWriteError) {
            try makeDurableFolder(String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)]))
            try replaceSmallFile(path, with: Array(json.utf8))
        } catch {
            throw BootFailureRecordError(error)
        }
    }

    /// Forgets the record of a host, durably; does nothing if there is none.
    ///
    /// - Throws: `BootFailureRecordError.file`.
    public static func remove(from host: HostFiles) throws(BootFailureRecordError) {
        do throws(SmallFileWriteError) { try removeSmallFile(host.path(path)) } catch {
            throw BootFailureRecordError(error)
        }
    }
}

extension BootFailureRecordError {
    fileprivate init(_ error: SmallFileWriteError) {
        self = .file(operation: error.operation.rawValue, path: error.path, errno: error.errno)
    }
}
