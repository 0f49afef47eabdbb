@testable import SettingsStore

/// Counts what is read of a store's folder.
final class CountingFiles: StoreFiles {
    private let files: any StoreFiles
    var reads = 0

    init(_ files: any StoreFiles) { self.files = files }

    func read(_ name: String, limit: Int) throws(StoreError) -> [UInt8]? {
        reads += 1
        return try files.read(name, limit: limit)
    }

    func list() throws(StoreError) -> [String] { try files.list() }
    func size(_ name: String) throws(StoreError) -> Int? { try files.size(name) }
    func write(_ name: String, _ bytes: [UInt8]) throws(StoreError) { try files.write(name, bytes) }
    func synchronize(_ name: String) throws(StoreError) { try files.synchronize(name) }
    func rename(_ name: String, to other: String, replacing: Bool) throws(StoreError) {
        try files.rename(name, to: other, replacing: replacing)
    }
    func remove(_ name: String) throws(StoreError) { try files.remove(name) }
    func synchronizeFolder() throws(StoreError) { try files.synchronizeFolder() }
}
