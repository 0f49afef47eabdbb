import Glibc
public import Hashing

/// Writes the hash device of dm-verity: superblock and hash tree, byte for byte as `veritysetup format` does.
public enum VerityTree {
    /// Writes bytes at a byte offset of the hash device; called from several threads, for disjoint ranges.
    public typealias Writer =
        @Sendable (_ offset: UInt64, _ bytes: UnsafeRawBufferPointer) throws(VerityError) -> Void

    /// Computes the tree of the data and hands its blocks and the superblock's to a writer.
    ///
    /// The data is read once. Memory is 1/16384 of the data's size and some hundred KiB a thread.
    ///
    /// - Parameters:
    ///   - data: The data; bytes behind `parameters.dataBlockCount` blocks are not read.
    ///   - parameters: Salt, UUID and number of data blocks.
    ///   - workers: Number of threads; without it, as many as suit how the data come.
    ///   - write: Gets every block of the hash device once, in any order.
    /// - Returns: The root hash.
    /// - Throws: `VerityError.truncated` when the data is shorter than its blocks; what reading or writing throws.
    public static func build(
        data: VeritySource,
        parameters: VerityParameters,
        workers: Int? = nil,
        write: @escaping Writer
    ) throws(VerityError) -> SHA256Digest {
        let layout = VerityLayout(parameters)
        let blockSize = UInt64(VerityFormat.blockSize)
        let leafOffset = layout.levels.first?.byteOffset ?? 0
        let tree = try ComputedTree(
            data: data,
            parameters: parameters,
            layout: layout,
            threads: workers ?? data.access.threads
        ) { index, block throws(VerityError) in
            try write(leafOffset + UInt64(index) * blockSize, block)
        }
        for (index, level) in layout.levels.enumerated().dropFirst() {
            try write(level.byteOffset, UnsafeRawBufferPointer(tree.digests[index - 1].bytes))
        }
        // The superblock comes last: a tree that was not finished is not taken for one.
        let first = SharedBuffer(byteCount: VerityFormat.blockSize)
        first.bytes.copyBytes(from: VeritySuperblock.serialise(parameters))
        try write(0, UnsafeRawBufferPointer(first.bytes))
        return tree.rootHash
    }

    /// Computes the tree of the data and writes it to a file, which appears under its name only when it is whole
    /// and on the medium.
    ///
    /// An existing file is replaced. The file's mode is 0644.
    ///
    /// - Returns: The root hash.
    /// - Throws: As `build(data:parameters:workers:write:)`, and `VerityError.open` or `.write` for the file.
    public static func write(
        data: VeritySource,
        parameters: VerityParameters,
        to path: String,
        workers: Int? = nil
    ) throws(VerityError) -> SHA256Digest {
        let file = try temporaryFile(beside: path)
        do throws(VerityError) {
            let root = try build(data: data, parameters: parameters, workers: workers) {
                offset,
                bytes throws(VerityError) in
                try file.write(bytes, at: offset)
            }
            guard fchmod(file.descriptor, 0o644) == 0 else {
                throw .write(path: path, offset: 0, errno: errno)
            }
            try file.synchronize()
            guard rename(file.path, path) == 0 else { throw .write(path: path, offset: 0, errno: errno) }
            let slash = path.lastIndex(of: "/")
            let folder = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
            try OpenFile(path: folder, flags: O_RDONLY | O_DIRECTORY).synchronize()
            return root
        } catch {
            unlink(file.path)
            throw error
        }
    }

    /// A new file in the same folder; names left over by a killed process are passed over.
    private static func temporaryFile(beside path: String) throws(VerityError) -> OpenFile {
        for attempt in 0..<100 {
            let name = "\(path).tmp-\(getpid())-\(attempt)"
            do throws(VerityError) {
                return try OpenFile(path: name, flags: O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
            } catch .open(_, EEXIST) {
                continue
            }
        }
        throw .open(path: path, errno: EEXIST)
    }
}
