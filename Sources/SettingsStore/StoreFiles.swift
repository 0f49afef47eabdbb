/// The few operations on files that the store is made of, so that tests can cut each of them.
///
/// Names are plain names in the store's one folder, without slashes.
public protocol StoreFiles: AnyObject {
    /// The names in the folder.
    func list() throws(StoreError) -> [String]
    /// The content of a file of at most `limit` bytes; nil if there is no such file.
    ///
    /// A longer file fails with `EFBIG`, one that is no regular file with `ELOOP`, `EISDIR` or `EINVAL`.
    func read(_ name: String, limit: Int) throws(StoreError) -> [UInt8]?
    /// The length of a file in bytes; nil if there is no such file.
    func size(_ name: String) throws(StoreError) -> Int?
    /// Writes a new file or replaces one; durable only after `synchronize` of its name.
    func write(_ name: String, _ bytes: [UInt8]) throws(StoreError)
    /// fsync(2) of a file.
    func synchronize(_ name: String) throws(StoreError)
    /// rename(2); durable only after `synchronizeFolder`.
    ///
    /// Unless it replaces, a file of the other name makes it fail with `EEXIST`, and a cut may leave both names.
    func rename(_ name: String, to other: String, replacing: Bool) throws(StoreError)
    /// unlink(2), which may find nothing to remove; durable only after `synchronizeFolder`.
    func remove(_ name: String) throws(StoreError)
    /// fsync(2) of the folder.
    func synchronizeFolder() throws(StoreError)
}
